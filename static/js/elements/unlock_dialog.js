/** Opens a locked history: with what locks it in this browser, or with its recovery code. */
import { setText, showText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { faultWords, words } from "../lib/words.js";

export class UnlockDialog extends PageElement {
  #chat = null;
  #isBusy = false;

  connected() {
    const { passphraseForm, passphrase, passkey, codeForm, code, dialog } = this.parts;
    const unlock = (secret, said) => this.#try(() => this.#chat.historyKey.unlock(secret), words(said));
    this.listen(passphraseForm, "submit", (event) => {
      event.preventDefault();
      unlock({ passphrase: passphrase.value }, "key.working");
    });
    this.listen(passkey, "click", () => unlock({}, "key.waiting"));
    this.listen(codeForm, "submit", (event) => {
      event.preventDefault();
      this.#try(() => this.#chat.historyKey.enter(code.value), words("unlock.trying"));
    });
    this.listen(dialog, "close", () => this.#empty());
  }

  open(chat) {
    this.#chat = chat;
    const { historyKey } = chat;
    const way = historyKey.isLocked ? historyKey.way : "other";
    const { dialog, reason, passphraseForm, passkey, passphrase, code } = this.parts;
    setText(reason, words(`unlock.${way}`));
    passphraseForm.hidden = way !== "passphrase";
    passkey.hidden = way !== "passkey";
    this.#say("");
    dialog.showModal();
    ({ passphrase, passkey })[way]?.focus();
    if (way === "other") code.focus();
  }

  async #try(open, said) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#say(said);
    try {
      await open();
      this.parts.dialog.close();
      this.#chat.session.attest();
    } catch (error) {
      this.#say(faultWords(error.code));
    } finally {
      this.#isBusy = false;
    }
  }

  #empty() {
    this.parts.passphrase.value = "";
    this.parts.code.value = "";
  }

  #say(text) {
    showText(this.parts.said, text);
  }
}

customElements.define("unlock-dialog", UnlockDialog);

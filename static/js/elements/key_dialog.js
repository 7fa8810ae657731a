/** The user's history key: its recovery code, until he keeps it, and how this browser keeps the key itself. */
import { copyText } from "../lib/copy.js";
import { setText, showText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { hasPasskeys } from "../lib/passkeys.js";
import { faultWords, words } from "../lib/words.js";

export class KeyDialog extends PageElement {
  #chat = null;
  #isBusy = false;

  connected() {
    const { dialog, showCode, copyCode, printCode, keepCode, wayForm, passphrase } = this.parts;
    this.listen(dialog, "close", () => this.#hideSecrets());
    this.listen(showCode, "click", () => this.#try(() => this.#showCode()));
    this.listen(copyCode, "click", () => this.#copyCode());
    this.listen(printCode, "click", () => window.print());
    this.listen(keepCode, "click", () => this.#try(() => this.#codeIsKept()));
    this.listen(wayForm, "change", () => this.#showFields());
    this.listen(wayForm, "submit", (event) => {
      event.preventDefault();
      this.#try(() => this.#keepBy(wayForm.elements.way.value, passphrase.value));
    });
  }

  open(chat) {
    this.#chat = chat;
    const { dialog, wayForm, passkeyWay } = this.parts;
    wayForm.elements.way.value = chat.historyKey.way ?? "device";
    passkeyWay.hidden = !hasPasskeys();
    this.#say("");
    this.#hideSecrets();
    this.#show();
    dialog.showModal();
  }

  get #isOpen() {
    return this.#chat.session.held?.isStored ?? false;
  }

  #show() {
    const { historyKey } = this.#chat;
    const { codeBox, codeKept, wayForm, kept } = this.parts;
    codeBox.hidden = historyKey.isCodeKept || !this.#isOpen;
    codeKept.hidden = !historyKey.isCodeKept;
    wayForm.hidden = !this.#isOpen;
    setText(kept, words(this.#isOpen ? `key.kept.${historyKey.way}` : "key.closed"));
    this.#showFields();
  }

  #showFields() {
    const { wayForm, passphraseFields, passphrase, again } = this.parts;
    const isAsked = wayForm.elements.way.value === "passphrase";
    passphraseFields.hidden = !isAsked;
    for (const field of [passphrase, again]) field.disabled = !isAsked;
  }

  async #showCode() {
    const { code, codeActions, showCode } = this.parts;
    setText(code, await this.#chat.historyKey.code());
    for (const part of [code, codeActions]) part.hidden = false;
    showCode.hidden = true;
    code.focus();
  }

  async #copyCode() {
    this.#say(words((await copyText(this.parts.code.textContent)) ? "key.copied" : "key.not_copied"));
  }

  async #codeIsKept() {
    await this.#chat.historyKey.codeIsKept();
    this.#hideSecrets();
    this.#say("");
    this.#show();
    this.parts.close.focus();
  }

  async #keepBy(way, passphrase) {
    if (way === "passphrase" && passphrase !== this.parts.again.value)
      return this.#say(faultWords("passphrases_differ"));
    if (way !== "device") this.#say(words(way === "passphrase" ? "key.working" : "key.waiting"));
    await this.#chat.historyKey.keepBy(way, { passphrase, name: document.body.dataset.name });
    this.#hideSecrets();
    this.#show();
    this.#say(words("key.changed"));
  }

  /** Nothing secret stays in the page when it is not looked at. */
  #hideSecrets() {
    const { code, codeActions, showCode, passphrase, again } = this.parts;
    setText(code, "");
    for (const part of [code, codeActions]) part.hidden = true;
    showCode.hidden = false;
    for (const field of [passphrase, again]) field.value = "";
  }

  #say(text) {
    showText(this.parts.said, text);
  }

  async #try(work) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      await work();
    } catch (error) {
      this.#say(faultWords(error.code));
    } finally {
      this.#isBusy = false;
    }
  }
}

customElements.define("key-dialog", KeyDialog);

/** Starts over: the server forgets the old history, and then this browser its key. */
import { showText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { DraftStore } from "../lib/draft_store.js";
import { KeyStore } from "../lib/key_store.js";
import { faultWords, words } from "../lib/words.js";

export class StartOver extends PageElement {
  #isBusy = false;

  connected() {
    this.listen(this.parts.form, "submit", (event) => {
      event.preventDefault();
      this.#start();
    });
  }

  /** The old key goes last: until the server has forgotten its history, it is worth something. */
  async #start() {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const { form, said } = this.parts;
    showText(said, words("start_over.working"));
    try {
      const answer = await fetch(location.pathname, { method: "POST", body: new FormData(form), redirect: "manual" });
      if (answer.type === "opaqueredirect") return location.reload(); // to sign in again first
      if (answer.status !== 204) return showText(said, faultWords("not_started_over"));
      await Promise.all([new DraftStore().deleteAll(this.dataset.user), new KeyStore().delete(this.dataset.user)]);
      location.assign("/");
    } catch {
      showText(said, faultWords("not_started_over"));
    } finally {
      this.#isBusy = false;
    }
  }
}

customElements.define("start-over", StartOver);

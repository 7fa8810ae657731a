/** After an account was deleted: what this browser kept for it goes, too. */
import { DraftStore } from "../lib/draft_store.js";
import { PageElement } from "../lib/element.js";
import { KeyStore } from "../lib/key_store.js";

export class ForgetAccount extends PageElement {
  connected() {
    this.#forget(this.dataset.user);
  }

  async #forget(user) {
    await Promise.all([new DraftStore().deleteAll(user), new KeyStore().delete(user)]);
    this.parts.kept.hidden = true;
    this.parts.gone.hidden = false;
  }
}

customElements.define("forget-account", ForgetAccount);

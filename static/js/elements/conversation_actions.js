/** Renaming and deleting a conversation: a menu beside it, a question, and the deed. */
import { askDialog, placeMenu, setText } from "../lib/dom.js";
import { words } from "../lib/words.js";

export class ConversationActions {
  #chat;
  #menu = document.getElementById("chat-menu");
  #fail;
  #id = null;

  /** `fail(error)` tells people what could not be done. */
  constructor(chat, { rename, delete: remove }, { signal, fail }) {
    this.#chat = chat;
    this.#fail = fail;
    rename.addEventListener("click", () => this.#rename(), { signal });
    remove.addEventListener("click", () => this.#delete(), { signal });
    for (const menu of document.querySelectorAll(".menu[popover]")) {
      menu.addEventListener("toggle", (event) => this.#toggled(menu, event.newState === "open"), { signal });
    }
  }

  /** Open the menu for a conversation beside a control. */
  open(id, control) {
    this.#id = id;
    this.control = control;
    this.#menu.togglePopover();
  }

  #toggled(menu, isOpen) {
    const control = menu === this.#menu ? this.control : document.querySelector(`[popovertarget="${menu.id}"]`);
    if (isOpen) placeMenu(menu, control);
    control?.setAttribute("aria-expanded", String(isOpen));
  }

  async #rename() {
    this.#menu.hidePopover();
    const id = this.#id;
    const field = document.getElementById("rename-field");
    field.value = this.#title(id);
    field.select();
    const title = (await askDialog("rename-dialog"))?.get("title").toWellFormed().trim();
    if (title) await this.#try(() => this.#chat.rename(id, title));
  }

  async #delete() {
    this.#menu.hidePopover();
    const id = this.#id;
    setText(document.querySelector("#delete-dialog .quoted"), this.#title(id) || words("title.none"));
    if (await askDialog("delete-dialog")) await this.#try(() => this.#chat.delete(id));
  }

  #title(id) {
    return this.#chat.conversations.find(id)?.title ?? "";
  }

  async #try(work) {
    try {
      await work();
    } catch (error) {
      this.#fail(error);
    }
  }
}

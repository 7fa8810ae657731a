/** Addresses: `/` is a new conversation, `/c/<id>/` a stored one. Identifiers only, never words. */

const PATH = /^\/c\/([0-9a-f-]{36})\/$/;

export class Router {
  #chat;

  constructor(chat) {
    this.#chat = chat;
    chat.addEventListener("conversation", () => this.#entered());
    chat.addEventListener("located", () => this.#point());
    window.addEventListener("popstate", () => this.follow());
  }

  /** Go where the address says. */
  follow() {
    const id = PATH.exec(location.pathname)?.[1];
    if (id) this.#chat.open(id);
    else if (this.#chat.conversation?.state !== "new") this.#chat.startNew();
  }

  /** Another conversation is in view; a new one has no address until something is said in it. */
  #entered() {
    const { id, state } = this.#chat.conversation;
    this.#push(state === "new" ? "/" : `/c/${id}/`);
  }

  #point() {
    this.#push(`/c/${this.#chat.conversation.id}/`);
  }

  #push(path) {
    if (location.pathname !== path) history.pushState(null, "", path);
  }
}

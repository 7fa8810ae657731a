/** Addresses: `/` is a new conversation, `/c/<id>/` a stored one, `/c/<id>/#<id>` one of its messages. Identifiers only, never words. */

const MESSAGE = /^#([0-9a-f-]{36})$/;
const PATH = /^\/c\/([0-9a-f-]{36})\/$/;

export class Router {
  #chat;

  #wantMessage;

  /** `wantMessage(id)` goes to a message of the conversation in view. */
  constructor(chat, wantMessage) {
    this.#chat = chat;
    this.#wantMessage = wantMessage;
    chat.addEventListener("conversation", () => this.#entered());
    chat.addEventListener("located", () => this.#point());
    window.addEventListener("popstate", () => this.follow());
  }

  /** Go where the address says. */
  follow() {
    const id = PATH.exec(location.pathname)?.[1];
    const message = MESSAGE.exec(location.hash)?.[1];
    if (id) this.#chat.open(id);
    else if (this.#chat.conversation?.state !== "new") this.#chat.startNew();
    if (id && message) this.#wantMessage(message);
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

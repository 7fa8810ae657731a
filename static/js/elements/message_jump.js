/** Going to one message of the conversation in view, as soon as it is there. */

const MARK_MS = 2_500;

export class MessageJump {
  #chat;
  #wanted = null;

  constructor(chat) {
    this.#chat = chat;
  }

  /** Go to a message of the conversation that is in view or on its way. */
  want(id) {
    this.#wanted = id;
    this.look();
  }

  /** The messages have changed. */
  look() {
    const { conversation } = this.#chat;
    const isShown = conversation?.state === "loaded" && customElements.get("message-item");
    if (this.#wanted === null || !isShown) return;
    const id = this.#wanted;
    this.#wanted = null;
    if (conversation.reveal(id)) requestAnimationFrame(() => this.#show(id));
  }

  #show(id) {
    const item = document.querySelector(`message-item[data-id="${id}"]`);
    if (!item) return;
    item.scrollIntoView({ block: "center" });
    item.classList.add("is-target");
    setTimeout(() => item.classList.remove("is-target"), MARK_MS);
  }
}

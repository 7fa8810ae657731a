/** The branch of a conversation that is in view, message by message; nodes of messages that stay are kept. */
import { make } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { words } from "../lib/words.js";
import "./message_item.js";

const NOTES = new Set(["loading", "missing", "unreadable"]);

export class MessageList extends PageElement {
  #conversation = null;
  #items = new Map();

  set conversation(conversation) {
    this.#conversation = conversation;
    this.#items.clear();
    this.listen(conversation, "change", () => this.#show(conversation));
    this.#show(conversation);
  }

  #show(conversation) {
    if (conversation !== this.#conversation) return;
    const items = conversation.path.map((message) => this.#item(message));
    if (items.length === 0 && NOTES.has(conversation.state)) {
      items.push(make("p", { className: "conversation-note", text: words(`conversation.${conversation.state}`) }));
    }
    for (const child of [...this.children]) if (!items.includes(child)) child.remove();
    items.forEach((item, i) => {
      if (this.children[i] !== item) this.insertBefore(item, this.children[i] ?? null);
      item.refresh?.();
    });
    this.tell("messages-changed");
  }

  #item(message) {
    if (!this.#items.has(message.id)) {
      const item = document.createElement("message-item");
      item.attach(message, this.#conversation);
      this.#items.set(message.id, item);
    }
    return this.#items.get(message.id);
  }
}

customElements.define("message-list", MessageList);

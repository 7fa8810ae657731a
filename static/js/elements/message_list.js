/** The branch of a conversation that is in view, message by message; nodes of messages that stay are kept. */
import { make } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { BrowserError } from "../lib/errors.js";
import { fetchPart } from "../lib/parts.js";
import { words } from "../lib/words.js";

const NOTES = new Set(["loading", "missing", "unreadable"]);

export class MessageList extends PageElement {
  #conversation = null;
  #items = new Map();

  set conversation(conversation) {
    this.#conversation = conversation;
    this.#items.clear();
    this.listen(conversation, "change", () => this.#show(conversation));
    if (conversation.state !== "new") this.#fetch(conversation);
    this.#show(conversation);
  }

  #show(conversation) {
    if (conversation !== this.#conversation) return;
    if (conversation.path.length > 0) this.#fetch(conversation);
    const items = isFetched() ? conversation.path.map((message) => this.#item(message)) : [];
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

  /** Messages are shown with the Markdown renderer, which nobody needs before the first one. */
  #fetch(conversation) {
    if (isFetched()) return;
    fetchPart(() => import("./message_item.js"))
      .then(() => this.#show(conversation))
      .catch((cause) => this.tell("fault", new BrowserError("messages_missing", { cause })));
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

function isFetched() {
  return Boolean(customElements.get("message-item"));
}

customElements.define("message-list", MessageList);

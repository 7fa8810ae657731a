/** ‹ 2/3 ›: the versions of a message that stand beside each other, by mouse and, with Alt, by arrow keys. */
import { setText } from "../lib/dom.js";
import { words } from "../lib/words.js";

export class Versions {
  #parts;
  #message;
  #conversation;

  constructor({ item, parts, message, conversation }) {
    this.#parts = parts;
    this.#message = message;
    this.#conversation = conversation;
    parts.previous.addEventListener("click", () => this.#step(-1));
    parts.next.addEventListener("click", () => this.#step(1));
    item.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by || !event.altKey || event.target.matches("textarea") || parts.versions.hidden) return;
      event.preventDefault();
      this.#step(by);
    });
  }

  show() {
    const siblings = this.#conversation.siblings(this.#message);
    const index = siblings.indexOf(this.#message);
    const { versions, version, previous, next } = this.#parts;
    versions.hidden = siblings.length < 2;
    setText(version, words("answer.version", { n: index + 1, count: siblings.length }));
    previous.disabled = index <= 0;
    next.disabled = index === siblings.length - 1;
  }

  #step(by) {
    const siblings = this.#conversation.siblings(this.#message);
    const other = siblings[siblings.indexOf(this.#message) + by];
    if (other) this.#conversation.choose(other);
    if (other) document.querySelector(`message-item[data-id="${other.id}"] .versions button:enabled`)?.focus();
  }
}

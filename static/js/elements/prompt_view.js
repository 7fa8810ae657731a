/** What the user said, and what became of it. */
import { clone, setText, showText } from "../lib/dom.js";
import { errorWords } from "../lib/error_words.js";
import { words } from "../lib/words.js";
import { showAttachments } from "./attachment_card.js";
import { Versions } from "./versions.js";

export class PromptView {
  #item;
  #parts;
  #message;
  #conversation;
  #versions;

  constructor({ item, parts, message, conversation }) {
    this.#item = item;
    this.#parts = parts;
    this.#message = message;
    this.#conversation = conversation;
    this.#versions = new Versions({ item, parts, message, conversation });
    parts.edit.addEventListener("click", () => this.#edit());
    parts.retry.addEventListener("click", () => conversation.retry(message));
    parts.withdraw.addEventListener("click", () => {
      item.tell("withdrawn", message); // while it is on the page still
      conversation.withdraw(message);
    });
  }

  show() {
    const { text, state, error, isWaiting } = this.#message;
    const { text: box, note, retry, withdraw, edit } = this.#parts;
    const isFailed = state === "failed";
    setText(box, text);
    const { attachments } = this.#message;
    showAttachments(this.#parts.attachments, attachments, (place) => this.#item.tell("passage-wanted", place));
    this.#item.classList.toggle("is-failed", isFailed);
    note.classList.toggle("is-error", isFailed);
    const waiting = state === "sending" && isWaiting ? words("prompt.waiting") : "";
    showText(note, isFailed ? errorWords(error) : waiting);
    withdraw.hidden = !isFailed;
    retry.hidden = !isFailed || error.code === "attachment_missing"; // back in the composer, its files are sent again
    edit.hidden = state !== "complete" || this.#conversation.running !== null;
    this.#versions.show();
  }

  /** Let another text be written in place of this one; Escape leaves it, Ctrl or ⌘ with Enter sends. */
  #edit() {
    const { text: box, edit } = this.#parts;
    const { element, parts } = clone("prompt-editor");
    const leave = () => {
      element.remove();
      box.hidden = false;
      edit.focus();
    };
    parts.field.value = this.#message.text;
    parts.cancel.addEventListener("click", leave);
    element.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = parts.field.value.toWellFormed().trim();
      leave();
      if (text && text !== this.#message.text) this.#conversation.edit(this.#message, text);
    });
    element.addEventListener("keydown", (event) => {
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Escape") leave();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) element.requestSubmit();
    });
    box.hidden = true;
    box.after(element);
    parts.field.focus();
  }
}

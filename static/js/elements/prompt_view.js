/** What the user said, and what became of it. */
import { setText, showText } from "../lib/dom.js";
import { faultWords } from "../lib/words.js";

export class PromptView {
  #item;
  #parts;
  #message;

  constructor({ item, parts, message, conversation }) {
    this.#item = item;
    this.#parts = parts;
    this.#message = message;
    parts.retry.addEventListener("click", () => conversation.retry(message));
    parts.withdraw.addEventListener("click", () => {
      conversation.withdraw(message);
      item.parentElement?.dispatchEvent(new CustomEvent("withdrawn", { detail: message.text, bubbles: true }));
    });
  }

  show() {
    const { text, state, error } = this.#message;
    const { text: box, note, retry, withdraw } = this.#parts;
    const isFailed = state === "failed";
    setText(box, text);
    this.#item.classList.toggle("is-failed", isFailed);
    note.classList.toggle("is-error", isFailed);
    showText(note, isFailed ? faultWords(error.code) : "");
    retry.hidden = withdraw.hidden = !isFailed;
  }
}

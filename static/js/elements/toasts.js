/** What is said in passing, at the edge of the page: one thing at a time, for some seconds. */
import { clone, showText } from "../lib/dom.js";
import { errorWords } from "../lib/error_words.js";

const TOAST_MS = 4_000;
const TOAST_ACTION_MS = 10_000;

export class Toasts {
  #place;

  constructor(place) {
    this.#place = place;
  }

  /** Say what went wrong. */
  sayFault(error) {
    this.say(errorWords(error));
  }

  /** Say something; `action` is `{label, act()}`, and leaves more time. */
  say(text, action = null) {
    const { element, parts } = clone("toast");
    parts.text.textContent = text;
    showText(parts.act, action?.label);
    parts.close.addEventListener("click", () => element.remove());
    parts.act.addEventListener("click", () => {
      element.remove();
      action.act();
    });
    this.#place.replaceChildren(element);
    setTimeout(() => element.remove(), action ? TOAST_ACTION_MS : TOAST_MS);
  }
}

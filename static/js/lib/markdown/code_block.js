/** A block of code: its language named, copied and wrapped on demand, highlighted while it grows without a flicker. */
import { clone, growText } from "../dom.js";
import { words } from "../words.js";
import { highlight } from "./highlighting.js";
import { languageOf } from "./languages.js";
import { setIsland } from "./morph.js";

const HIGHLIGHT_PAUSE_MS = 300;

/** Longer code is left plain while it grows; and what is longer than the second is left plain for good. */
const MAX_GROWING_CHARACTERS = 6_000;
const MAX_CHARACTERS = 60_000;

export class CodeBlock {
  element;
  #code;
  #rest = document.createTextNode("");
  #text = "";
  #language;
  #coloured = 0;
  #timer = null;

  constructor(language, text) {
    const { element, parts } = clone("code-block");
    this.element = element;
    this.#code = parts.code;
    this.#language = language;
    parts.language.textContent = language || words("code.text");
    parts.copy.dataset.copy = "code";
    parts.wrap.addEventListener("click", () => {
      const isWrapped = element.classList.toggle("is-wrapped");
      parts.wrap.setAttribute("aria-pressed", String(isWrapped));
    });
    this.#code.append(this.#rest);
    this.show(text);
    setIsland(element, this);
  }

  accepts(other) {
    return other instanceof CodeBlock && other.#language === this.#language;
  }

  adopt(other) {
    clearTimeout(other.#timer);
    this.show(other.#text);
  }

  show(text) {
    if (text === this.#text) return;
    if (text.startsWith(this.#text)) growText(this.#rest, text.slice(this.#coloured));
    else this.#plain(text);
    this.#text = text;
    this.#schedule();
  }

  #plain(text) {
    this.#coloured = 0;
    this.#rest.data = text;
    this.#code.replaceChildren(this.#rest);
  }

  /** Colour what has come now and then, and once more when nothing has come for a while. */
  #schedule() {
    if (!languageOf(this.#language) || this.#text.length > MAX_CHARACTERS) return;
    const isLong = this.#text.length > MAX_GROWING_CHARACTERS;
    if (this.#timer !== null && !isLong) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#colour(), isLong ? 3 * HIGHLIGHT_PAUSE_MS : HIGHLIGHT_PAUSE_MS);
  }

  /** The end that grows meanwhile stays as it is, behind what is coloured. */
  async #colour() {
    this.#timer = null;
    const text = this.#text;
    const fragment = await highlight(text, languageOf(this.#language));
    if (!fragment || !this.#text.startsWith(text)) return;
    if (isSelected(this.#code)) return this.#schedule();
    this.#coloured = text.length;
    this.#rest.data = this.#text.slice(text.length);
    this.#code.replaceChildren(fragment, this.#rest);
  }
}

/** Say whether a reader has selected something in an element: it is not taken from under him. */
function isSelected(element) {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(element, true);
}

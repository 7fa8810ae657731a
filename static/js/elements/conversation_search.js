/** The search field of the sidebar and what it finds. Tells `open-conversation` and `open-message`. */
import { clone, make, setText, showText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { faultWords, words } from "../lib/words.js";

export class ConversationSearch extends PageElement {
  #search = null;
  #conversations = null;

  connected() {
    const { field, hits, clear } = this.parts;
    this.listen(field, "input", () => this.#search.look(field.value));
    this.listen(this, "keydown", (event) => this.#key(event));
    this.listen(hits, "click", (event) => this.#open(event));
    this.listen(clear, "click", () => this.#clear());
  }

  /** `{search, conversations}`: models. */
  attach({ search, conversations }) {
    this.#search = search;
    this.#conversations = conversations;
    this.listen(search, "change", () => this.#show());
  }

  #show() {
    const { state, hits } = this.#search;
    const { field, clear, results, note, hits: list } = this.parts;
    const isOn = state !== "idle";
    if (!isOn && field.value.trim()) field.value = "";
    clear.hidden = results.hidden = !isOn;
    document.querySelector("conversation-list").hidden = isOn;
    list.replaceChildren(...hits.map((hit) => this.#hit(hit)));
    showText(note, this.#note());
  }

  #note() {
    const { state, hits, error, isPartial } = this.#search;
    if (state === "searching") return hits.length ? "" : words("search.searching");
    if (state === "failed") return faultWords(error.code);
    if (state === "found" && hits.length === 0) return words("search.none");
    return isPartial ? words("search.partial") : words("search.count", { count: hits.length });
  }

  #hit({ conversation, message, snippet }) {
    const { element, parts } = clone("search-hit");
    parts.link.href = message ? `/c/${conversation}/#${message}` : `/c/${conversation}/`;
    Object.assign(parts.link.dataset, { conversation, message: message ?? "" });
    const title = this.#conversations.find(conversation)?.title || words("title.none");
    if (message) setText(parts.title, title);
    else parts.title.append(...marked(snippet));
    if (message) parts.snippet.append(...marked(snippet));
    parts.snippet.hidden = !message;
    return element;
  }

  #open(event) {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const { conversation, message } = link.dataset;
    this.tell("open-conversation", conversation);
    if (message) this.tell("open-message", message);
  }

  /** Arrow keys go between field and hits; Escape ends the search. */
  #key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const stops = [this.parts.field, ...this.parts.hits.querySelectorAll("a")];
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" && this.parts.field.value) this.#clear();
    else if (by) stops[stops.indexOf(document.activeElement) + by]?.focus();
    else if (event.key === "Enter" && event.target === this.parts.field) stops[1]?.click();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #clear() {
    this.parts.field.value = "";
    this.#search.look("");
    this.parts.field.focus();
  }
}

/** Pieces that match stand at odd places. */
function marked(snippet) {
  return snippet.map((text, i) => (i % 2 ? make("mark", { text }) : text));
}

customElements.define("conversation-search", ConversationSearch);

/** What every custom element here is: light DOM, named parts, listeners that end when it leaves the page. */
import { refs } from "./dom.js";

export class PageElement extends HTMLElement {
  #abort = null;
  parts = {};

  connectedCallback() {
    this.#abort = new AbortController();
    this.parts = refs(this);
    this.connected();
  }

  disconnectedCallback() {
    this.#abort.abort();
  }

  /** The element is on the page and has its parts. */
  connected() {}

  get signal() {
    return this.#abort.signal;
  }

  listen(target, type, handler) {
    target.addEventListener(type, handler, { signal: this.signal });
  }

  /** Tell those above; `detail` is plain data or models. */
  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
  }

  /** Call again and again while on the page. */
  every(ms, handler) {
    const timer = setInterval(handler, ms);
    this.signal.addEventListener("abort", () => clearInterval(timer));
  }
}

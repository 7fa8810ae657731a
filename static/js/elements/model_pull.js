/** Watches a model being fetched: the server says how far it is, and this page only shows it. */
import { setText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";

const PAUSE_MS = 1_000;

export class ModelPull extends PageElement {
  connected() {
    if (this.dataset.state === "running") this.every(PAUSE_MS, () => this.#look());
  }

  /** What cannot be asked now is asked a second later. */
  async #look() {
    const { sentence, bar } = this.parts;
    try {
      const answer = await fetch(this.dataset.url, { signal: this.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const pull = await answer.json();
      setText(sentence, pull.sentence);
      if (pull.total) Object.assign(bar, { max: pull.total, value: pull.done });
      if (pull.state !== "running") location.reload();
    } catch (error) {
      if (!(error instanceof TypeError) && error.name !== "AbortError") throw error;
    }
  }
}

customElements.define("model-pull", ModelPull);

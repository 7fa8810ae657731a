/** Watches the encrypted models: the server says how each is, and this page only shows it. */
import { setText, showText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { fillFacts } from "./facts.js";

const PAUSE_MS = 2_000;

export class EncryptedModels extends PageElement {
  connected() {
    this.every(PAUSE_MS, () => document.hidden || this.#look());
  }

  /** What cannot be asked now is asked two seconds later. */
  async #look() {
    try {
      const answer = await fetch(this.dataset.url, { signal: this.signal, headers: { Accept: "application/json" } });
      if (answer.ok) this.#show((await answer.json()).rows);
    } catch (error) {
      if (!(error instanceof TypeError) && error.name !== "AbortError") throw error;
    }
  }

  /** Other models than before are another page. */
  #show(rows) {
    const items = [...this.querySelectorAll(".encrypted-model")];
    if (items.map(({ dataset }) => dataset.name).join() !== rows.map(({ name }) => name).join()) location.reload();
    else rows.forEach((row, i) => this.#fill(items[i], row));
  }

  #fill(item, { word, state, sentence, detail, done, total, amount, facts }) {
    const part = (name) => item.querySelector(`[data-part=${name}]`);
    setText(part("word"), word);
    part("word").classList.toggle("not-listed", state === "failed");
    setText(part("sentence"), sentence);
    part("progress").hidden = total === 0;
    Object.assign(part("bar"), { max: total || 1, value: done });
    setText(part("amount"), amount);
    showText(part("detail"), detail);
    part("more").hidden = facts.length === 0;
    if (item.dataset.facts === JSON.stringify(facts)) return;
    item.dataset.facts = JSON.stringify(facts);
    fillFacts(part("facts"), facts);
  }
}

customElements.define("encrypted-models", EncryptedModels);

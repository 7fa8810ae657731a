/** A verification of many records that goes on by itself while its page is open; without a script, a button does it. */
import { PageElement } from "../lib/element.js";
import { VerifyRun } from "../models/verify_run.js";

export class VerifyRunElement extends PageElement {
  #run = null;

  connected() {
    const { form, next, pause } = this.parts;
    this.#run = new VerifyRun(form.action, new FormData(form));
    this.listen(form, "submit", (event) => {
      event.preventDefault();
      this.#goOn();
    });
    this.listen(pause, "click", () => this.#run.pause());
    this.signal.addEventListener("abort", () => this.#run.pause());
    next.hidden = true;
    this.#goOn();
  }

  async #goOn() {
    const { next, pause } = this.parts;
    next.hidden = true;
    pause.hidden = false;
    const end = await this.#run.goOn((state) => this.#show(state));
    if (end === "ended") location.reload();
    next.hidden = false;
    pause.hidden = true;
  }

  #show({ done, share, percent, reached, counts }) {
    const { progress } = this.parts;
    progress.value = share;
    progress.textContent = `${percent} %`;
    this.parts.done.textContent = done;
    this.parts.reached.textContent = reached;
    for (const [at, [, count]] of counts.entries()) this.parts[`count${at}`].textContent = count;
  }
}

customElements.define("verify-run", VerifyRunElement);

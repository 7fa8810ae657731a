/** A verification of many records, gone on with step by step until its end, a pause or a failure. */
import { nextStep } from "../protocol/verify_run.js";

// Between two steps the server has time for others.
const REST_MS = 150;

export class VerifyRun {
  #running = false;
  #step;
  #rest;

  constructor(
    url,
    body,
    { step = nextStep, rest = () => new Promise((resolve) => setTimeout(resolve, REST_MS)) } = {},
  ) {
    this.#step = () => step(url, body);
    this.#rest = rest;
  }

  /** Go on, telling each state; resolves to "ended", "paused" or "failed". */
  async goOn(tell) {
    this.#running = true;
    while (this.#running) {
      let state;
      try {
        state = await this.#step();
      } catch {
        this.#running = false;
        return "failed";
      }
      tell(state);
      if (state.ended) return "ended";
      await this.#rest();
    }
    return "paused";
  }

  pause() {
    this.#running = false;
  }
}

/** A search in the user's conversations: one query at a time, the newest wins. Tells by `change`. */
import { RequestError } from "../protocol/errors.js";

const PAUSE_MS = 120;
const AGAIN_MS = 1_000;

export class Search extends EventTarget {
  query = "";
  hits = [];
  isPartial = false;
  /** `idle` (nothing is looked for), `searching`, `found` or `failed`. */
  state = "idle";
  error = null;
  #session;
  #clock;
  #cancel = () => {};

  constructor(session, clock) {
    super();
    this.#session = session;
    this.#clock = clock;
  }

  /** Look for a text, once its writer pauses. */
  look(text) {
    this.#cancel();
    this.query = text.toWellFormed().trim().slice(0, 200);
    if (!this.query) return this.#become("idle", { hits: [] });
    this.#become("searching");
    this.#cancel = this.#clock.after(PAUSE_MS, () => this.#ask(this.query));
  }

  async #ask(query) {
    try {
      const { hits, partial } = await this.#session.ask({ type: "conversation.search", query });
      if (query === this.query) this.#become("found", { hits, isPartial: partial });
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (query === this.query) this.#fail(error, query);
    }
  }

  /** What is only not possible yet is tried again, as long as the same is looked for. */
  #fail(error, query) {
    if (error.retry) this.#cancel = this.#clock.after(AGAIN_MS, () => this.#ask(query));
    else this.#become("failed", { hits: [], error });
  }

  #become(state, changes = {}) {
    Object.assign(this, { state, ...changes });
    this.dispatchEvent(new Event("change"));
  }
}

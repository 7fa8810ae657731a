/** For how long conversations are kept, in days (null: for ever): what is stored, and what is chosen and not yet saved. */
export class Retention {
  #session = null;
  #kept = undefined; // until the server said it
  #chosen = undefined; // until somebody chooses

  installationDays = null;

  constructor(session) {
    this.#session = session;
  }

  /** What to show: a choice that has begun stays, whatever arrives meanwhile; undefined where nothing is known. */
  get shown() {
    return this.#chosen === undefined ? this.#kept : this.#chosen;
  }

  get isUnsaved() {
    return this.#chosen !== undefined && this.#chosen !== this.#kept;
  }

  /** Shorter times are passed by on the way to another one, and would delete at once: so nothing is saved here. */
  choose(days) {
    this.#chosen = days;
  }

  async load() {
    this.#take(await this.#session.ask({ type: "retention.get" }));
  }

  async save() {
    const days = this.#chosen;
    this.#take(await this.#session.ask({ type: "retention.set", days }));
    if (this.#chosen === days) this.#chosen = undefined;
  }

  #take({ days, installation_days: most }) {
    this.#kept = days;
    this.installationDays = most;
  }
}

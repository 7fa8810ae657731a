/** The reference releases, fetched once and again when one is named that is not among them. */

export class Releases {
  #fetch;
  #loaded = null;

  /** `fetch()` resolves to the list as it is on the wire. */
  constructor(fetch) {
    this.#fetch = fetch;
  }

  /** Throws RequestError. */
  load() {
    this.#loaded ??= this.reload();
    return this.#loaded;
  }

  /** Fetch anew; a failure is not remembered. Throws RequestError. */
  reload() {
    const loading = this.#fetch();
    this.#loaded = loading;
    loading.catch(() => {
      if (this.#loaded === loading) this.#loaded = null;
    });
    return loading;
  }
}

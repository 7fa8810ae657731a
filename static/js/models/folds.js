/** Which sections of the sidebar are closed: remembered in this browser, by ids that say nothing. */

const NAME = "confchat.folds";

export class Folds {
  #storage;

  constructor(storage) {
    this.#storage = storage;
  }

  isOpen(id, isOpenAtFirst) {
    return this.#read()[id] ?? isOpenAtFirst;
  }

  set(id, isOpen) {
    this.#storage.setItem(NAME, JSON.stringify({ ...this.#read(), [id]: isOpen }));
  }

  #read() {
    return JSON.parse(this.#storage.getItem(NAME) ?? "{}");
  }
}

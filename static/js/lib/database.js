/** IndexedDB, as promises: one database of one store, opened for each piece of work and closed again. */
import { BrowserError } from "./errors.js";

export class Database {
  #name;
  #store;

  constructor(name, store) {
    this.#name = name;
    this.#store = store;
  }

  /** Do `work(store)`, which returns a request or a promise of one's result. Throws BrowserError `key_store_failed`. */
  async do(mode, work) {
    const database = await this.#open();
    const transaction = database.transaction(this.#store, mode, { durability: "strict" });
    const done = work(transaction.objectStore(this.#store));
    const found = done instanceof IDBRequest ? await result(done) : await done;
    await ended(database, transaction);
    return found;
  }

  #open() {
    const request = indexedDB.open(this.#name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(this.#store);
    return result(request);
  }
}

/** What a request results in. Throws BrowserError `key_store_failed`. */
export function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new BrowserError("key_store_failed", { cause: request.error }));
  });
}

/** It is durable when this resolves. */
function ended(database, transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(new BrowserError("key_store_failed", { cause: transaction.error }));
  }).finally(() => database.close());
}

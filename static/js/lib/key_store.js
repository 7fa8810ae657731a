/** Where a browser keeps history keys: IndexedDB, which holds keys that no script can take out. One record a user. */
import { BrowserError } from "./errors.js";

const NAME = "confchat";
const KEYS = "history-keys";

export class KeyStore {
  /** The user's record, or null. Throws BrowserError `key_store_failed` where the browser keeps nothing. */
  async read(user) {
    return (await this.#do("readonly", (keys) => keys.get(user))) ?? null;
  }

  /** Write the user's first record, unless another tab was faster; returns the one that stands. */
  async begin(user, record) {
    const database = await open();
    const transaction = database.transaction(KEYS, "readwrite", { durability: "strict" });
    const keys = transaction.objectStore(KEYS);
    const found = await result(keys.get(user));
    if (!found) keys.put(record, user);
    await end(database, transaction);
    return found ?? record;
  }

  async write(user, record) {
    await this.#do("readwrite", (keys) => keys.put(record, user));
  }

  async delete(user) {
    await this.#do("readwrite", (keys) => keys.delete(user));
  }

  async #do(mode, work) {
    const database = await open();
    const transaction = database.transaction(KEYS, mode, { durability: "strict" });
    const found = await result(work(transaction.objectStore(KEYS)));
    await end(database, transaction);
    return found;
  }
}

function open() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(KEYS);
  return result(request);
}

function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new BrowserError("key_store_failed", { cause: request.error }));
  });
}

/** It is durable when this resolves. */
function end(database, transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(new BrowserError("key_store_failed", { cause: transaction.error }));
  }).finally(() => database.close());
}

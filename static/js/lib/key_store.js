/** Where a browser keeps history keys: IndexedDB, which holds keys that no script can take out. One record a user. */
import { Database, result } from "./database.js";

export class KeyStore {
  #database = new Database("confchat", "history-keys");

  /** The user's record, or null. Throws BrowserError `key_store_failed` where the browser keeps nothing. */
  async read(user) {
    return (await this.#database.do("readonly", (keys) => keys.get(user))) ?? null;
  }

  /** Write the user's first record, unless another tab was faster; returns the one that stands. */
  async begin(user, record) {
    return this.#database.do("readwrite", async (keys) => {
      const found = await result(keys.get(user));
      if (!found) keys.put(record, user);
      return found ?? record;
    });
  }

  async write(user, record) {
    await this.#database.do("readwrite", (keys) => keys.put(record, user));
  }

  async delete(user) {
    await this.#database.do("readwrite", (keys) => keys.delete(user));
  }
}

/** Where a browser keeps what is being written, sealed: IndexedDB, one record for each user and place. */
import { Database } from "./database.js";

export class DraftStore {
  #database = new Database("confchat-drafts", "drafts");

  /** Return the record, or null. This and all others throw BrowserError `key_store_failed`. */
  async read(user, place) {
    return (await this.#database.do("readonly", (drafts) => drafts.get([user, place]))) ?? null;
  }

  async write(user, place, record) {
    await this.#database.do("readwrite", (drafts) => drafts.put(record, [user, place]));
  }

  async delete(user, place) {
    await this.#database.do("readwrite", (drafts) => drafts.delete([user, place]));
  }

  /** The places of a user's drafts. */
  async places(user) {
    const keys = await this.#database.do("readonly", (drafts) => drafts.getAllKeys(range(user)));
    return keys.map(([, place]) => place);
  }

  async deleteAll(user) {
    await this.#database.do("readwrite", (drafts) => drafts.delete(range(user)));
  }
}

/** All of one user's: arrays come after every text in the order of keys. */
function range(user) {
  return IDBKeyRange.bound([user], [user, []]);
}

/**
 * What is being written, kept in this browser under a key that comes from the user's history key: AES-256-GCM, its key
 * HKDF-SHA-256 of the history key. Where that is not open, nothing is kept.
 *
 * A draft is `{text, files, unsent}`: the text, `{attachment, name}` of files beside it, and prompts that no server has
 * taken yet, as `{message, text, files, conversation}`.
 */
import { fromUtf8, utf8 } from "../crypto/encoding.js";

const PURPOSE = "confchat/1 drafts";
const NONCE_SIZE = 12;

/** Lengths are told by these steps alone. */
const STEP = 256;

const NEW = "new:";

export class Drafts {
  #user;
  #historyKey;
  #store;
  #random;
  #work = Promise.resolve();

  /** `store` is a DraftStore, `random(size)` makes bytes. */
  constructor(user, { historyKey, store, random }) {
    this.#user = user;
    this.#historyKey = historyKey;
    this.#store = store;
    this.#random = random;
  }

  /** Where the draft of a conversation lies; one that is not stored yet shares its tab's place. */
  static placeOf({ id, state, isStored }, tab) {
    return state === "new" && !isStored ? NEW + tab : id;
  }

  /** Whether a place is that of a conversation that is about to be. */
  static isNew(place) {
    return place.startsWith(NEW);
  }

  /** The draft at a place, null where there is none, or undefined while the history key is not open. */
  read(place) {
    return this.#next((key) => key && this.#read(place, key));
  }

  /** Keep a draft, or null to forget it; returns whether that could be done. */
  write(place, draft) {
    return this.#next(async (key) => {
      if (draft === null) await this.#store.delete(this.#user, place);
      else if (key) await this.#store.write(this.#user, place, await this.#sealed(place, draft, key));
      return draft === null || key !== undefined;
    });
  }

  /** Take over what was being written in a tab that is not open any more, if there is such; `isOpen(tab)` says so. */
  adopt(place, isOpen) {
    return this.#next(async (key) => {
      if (!key) return undefined;
      for (const other of await this.#store.places(this.#user)) {
        if (other === place || !Drafts.isNew(other) || (await isOpen(other.slice(NEW.length)))) continue;
        const draft = await this.#read(other, key);
        await this.#store.delete(this.#user, other);
        if (draft) return draft;
      }
      return null;
    });
  }

  /** Forget the drafts of conversations that are not there any more. */
  keepOnly(conversations) {
    return this.#next(async () => {
      for (const place of await this.#store.places(this.#user)) {
        if (!Drafts.isNew(place) && !conversations.has(place)) await this.#store.delete(this.#user, place);
      }
    });
  }

  async #read(place, key) {
    const record = await this.#store.read(this.#user, place);
    if (!record) return null;
    try {
      const text = await crypto.subtle.decrypt(this.#aes(record.nonce, place), key, record.sealed);
      return JSON.parse(fromUtf8(new Uint8Array(text)));
    } catch (error) {
      if (error.name !== "OperationError") throw error;
      await this.#store.delete(this.#user, place); // of a key before the one that is there now, or damaged
      return null;
    }
  }

  async #sealed(place, draft, key) {
    const text = utf8(JSON.stringify(draft));
    const padded = new Uint8Array(Math.ceil(text.length / STEP) * STEP).fill(0x20);
    padded.set(text);
    const nonce = this.#random(NONCE_SIZE);
    return { nonce, sealed: new Uint8Array(await crypto.subtle.encrypt(this.#aes(nonce, place), key, padded)) };
  }

  #aes(nonce, place) {
    return { name: "AES-GCM", iv: nonce, additionalData: utf8(`confchat/1 draft\0${this.#user}\0${place}`) };
  }

  /** One after the other, with the key as it is then. */
  #next(work) {
    const done = this.#work.then(async () => work(await this.#historyKey.derive(PURPOSE)));
    this.#work = done.catch(() => {});
    return done;
  }
}

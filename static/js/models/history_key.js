/**
 * The key of the user's history: 32 random bytes made here, kept in this browser, known to no server at rest.
 *
 * It is written down before it is first used, so that a connection lost in mid-enrolment loses nothing; `isEnrolled`
 * becomes true when a session that was opened with it was proved.
 */
import { b64decode, b64encode } from "../crypto/encoding.js";

const KEY_SIZE = 32;

export class HistoryKey {
  #storage;
  #name;
  #random;
  #isLeftOut = false;

  constructor(user, { storage, random }) {
    this.#storage = storage;
    this.#name = `confchat.history-key.${user}`;
    this.#random = random;
  }

  /** Whether this browser goes on without the history: nothing is stored, nothing stored is shown. */
  get isLeftOut() {
    return this.#isLeftOut;
  }

  /** What an opening says of the key: `{historyKey, enroll}`. Makes the key where there is none. */
  opening({ isAffirmed }) {
    if (this.#isLeftOut || !isAffirmed) return { historyKey: null, enroll: false };
    const { key, isEnrolled } = this.#read() ?? this.#write(b64encode(this.#random(KEY_SIZE)), false);
    return { historyKey: b64decode(key, KEY_SIZE), enroll: !isEnrolled };
  }

  /** Whether the server has once accepted the key that this browser keeps. */
  get isEnrolled() {
    return this.#read()?.isEnrolled ?? false;
  }

  /** A session opened with the key was proved. */
  confirm() {
    const kept = this.#read();
    if (kept && !kept.isEnrolled && !this.#isLeftOut) this.#write(kept.key, true);
  }

  leaveOut() {
    this.#isLeftOut = true;
  }

  #read() {
    const text = this.#storage.getItem(this.#name);
    return text === null ? null : JSON.parse(text);
  }

  #write(key, isEnrolled) {
    this.#storage.setItem(this.#name, JSON.stringify({ key, isEnrolled }));
    return { key, isEnrolled };
  }
}

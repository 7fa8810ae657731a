/**
 * The key of the user's history: 32 random bytes made here, kept in this browser under another key (`key_ways.js`),
 * known to no server at rest.
 *
 * It is written down before it is first used, so that a connection lost in mid-enrolment loses nothing; `isEnrolled`
 * becomes true when a session that was opened with it was proved. A key that came from a recovery code is written down
 * only then: until it is proved, what was kept before stays. Tells of itself by `change`.
 */
import { takeOver } from "./earlier_key.js";
import { KeyError, WAYS, deriveKey, unwrap, wrap } from "./key_ways.js";
import { readRecoveryCode, recoveryCode } from "./recovery_code.js";

const KEY_SIZE = 32;

export class HistoryKey extends EventTarget {
  user;
  #parts;
  #loading = null;
  #record = null;
  #key = null;
  #isEntered = false;
  #isLeftOut = false;

  /** `parts` are `{store, storage, random, passkeys}`: a KeyStore, localStorage, and `{make, ask}` for passkeys where there are any. */
  constructor(user, parts) {
    super();
    this.user = user;
    this.#parts = parts;
  }

  /** Whether this browser goes on without the history: nothing is stored, nothing stored is shown. */
  get isLeftOut() {
    return this.#isLeftOut;
  }

  /** Whether the server has once accepted the key that this browser keeps. */
  get isEnrolled() {
    return this.#record?.isEnrolled ?? false;
  }

  /** Whether the user has said that he keeps the recovery code. */
  get isCodeKept() {
    return this.#record?.isCodeKept ?? false;
  }

  /** `device`, `passphrase` or `passkey`, or null where no key is kept. */
  get way() {
    return this.#record?.way ?? null;
  }

  /** Whether a key is kept that waits for its secret. */
  get isLocked() {
    return this.#record !== null && this.#key === null;
  }

  /** What an opening says of the key: `{historyKey, enroll}`; makes the key where there is none. Throws KeyError `history_locked`. */
  async opening({ isAffirmed }) {
    if (this.#isLeftOut || !isAffirmed) return { historyKey: null, enroll: false };
    await (this.#loading ??= this.#load());
    if (!this.#key && !this.#record) await this.#begin();
    if (!this.#key) throw new KeyError("history_locked");
    return { historyKey: this.#key, enroll: !this.#isEntered && !this.isEnrolled };
  }

  /** A key of 32 bytes for what else is kept here for the user (AES-GCM, not extractable), while the proved one is open. */
  async derive(purpose) {
    if (this.#isLeftOut) return undefined;
    await (this.#loading ??= this.#load());
    if (!this.#key || !this.isEnrolled || this.#isEntered) return undefined;
    return deriveKey(this.#key, purpose);
  }

  /** A session opened with the key was proved. */
  async confirm() {
    if (this.#isLeftOut) return;
    if (this.#isEntered) await this.#keep("device", {}, { isEnrolled: true, isCodeKept: true });
    else if (!this.isEnrolled) await this.#write({ ...this.#record, isEnrolled: true });
    this.#isEntered = false;
  }

  /** Open what is kept with its secret, `{passphrase}` or nothing. Throws KeyError. */
  async unlock(secret = {}) {
    const { way, kept, wrapped } = this.#record;
    const wrapping = await WAYS[way].open(kept, { ...this.#parts, ...secret });
    this.#key = await unwrap(wrapped, wrapping, { user: this.user });
    this.#isEntered = false;
    this.#tell();
  }

  /** Take the key from its recovery code. Throws KeyError `code_wrong`. */
  async enter(code) {
    const key = await readRecoveryCode(code);
    if (!key) throw new KeyError("code_wrong");
    this.#key = key;
    this.#isEntered = true;
    this.#isLeftOut = false;
    this.#tell();
  }

  /** The code to write down; only before that was done. */
  async code() {
    return recoveryCode(this.#key);
  }

  async codeIsKept() {
    await this.#write({ ...this.#record, isCodeKept: true });
  }

  /** Keep the key in another way from now on; `secret` is `{passphrase}` or, for a passkey, `{name}`. Throws KeyError. */
  async keepBy(way, secret = {}) {
    await this.#keep(way, secret, { isEnrolled: this.isEnrolled, isCodeKept: this.isCodeKept });
  }

  leaveOut() {
    this.#isLeftOut = true;
    this.#tell();
  }

  async #load() {
    const wrapped = (key) => this.#wrapped("device", {}, key);
    this.#record = await takeOver(this.user, { ...this.#parts, wrapped });
    if (this.#record && !WAYS[this.#record.way].isAsking) await this.unlock();
    this.#tell();
  }

  async #begin() {
    const record = await this.#wrapped("device", {}, this.#parts.random(KEY_SIZE));
    this.#record = await this.#parts.store.begin(this.user, { ...record, isEnrolled: false, isCodeKept: false });
    if (!WAYS[this.#record.way].isAsking) await this.unlock();
  }

  async #keep(way, secret, state) {
    await this.#write({ ...(await this.#wrapped(way, secret, this.#key)), ...state });
  }

  async #wrapped(way, secret, key) {
    const { kept, wrapping } = await WAYS[way].make({ ...this.#parts, ...secret });
    return { way, kept, wrapped: await wrap(key, wrapping, { user: this.user, ...this.#parts }) };
  }

  async #write(record) {
    await this.#parts.store.write(this.user, record);
    this.#record = record;
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

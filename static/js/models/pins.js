/** Keys of the deployment as this browser first met them: a change is shown, never followed silently. */
import { b64decode, hex } from "../crypto/encoding.js";

const KEY_SIZE = 32;

/** A key as people compare it: all of its bytes in hex. */
export function fingerprintOf(key) {
  return hex(b64decode(key, KEY_SIZE));
}

class KeyPin {
  #storage;
  #name;
  #offered;

  /** `offered` is the key (32 bytes, b64) that the page names now; `storage` is localStorage or the like. */
  constructor(name, offered, storage) {
    this.#storage = storage;
    this.#name = name;
    this.#offered = offered;
  }

  /** The 32 bytes to verify with: the pinned ones, else those that the page offers. */
  get key() {
    return b64decode(this.pinned?.key ?? this.#offered, KEY_SIZE);
  }

  /** `{key, since}` as pinned, or null before the first use. */
  get pinned() {
    const text = this.#storage.getItem(this.#name);
    return text === null ? null : JSON.parse(text);
  }

  get offered() {
    return this.#offered;
  }

  /** Whether the page now names another key than the one pinned. */
  get hasChanged() {
    return this.pinned !== null && this.pinned.key !== this.#offered;
  }

  /** Pin the offered key once an attestation has passed under it; an existing pin stays. */
  confirm(now) {
    if (this.pinned === null) this.#write(now);
  }

  /** Replace the pin, because the user has decided to. */
  accept(now) {
    this.#write(now);
  }

  #write(now) {
    this.#storage.setItem(this.#name, JSON.stringify({ key: this.#offered, since: now }));
  }
}

/** The key that signs the deployment's statements and its log. */
export class LogKeyPin extends KeyPin {
  kind = "log";

  /** `log` is `{origin, key}` of the page's configuration. */
  constructor(log, storage) {
    super(`confchat.log-key.${log.origin}`, log.key, storage);
  }
}

/** The key that signs releases. */
export class ReleaseKeyPin extends KeyPin {
  kind = "release";

  /** `config` is the page's configuration. */
  constructor({ log, trust }, storage) {
    super(`confchat.release-key.${log.origin}`, trust.release_key, storage);
  }
}

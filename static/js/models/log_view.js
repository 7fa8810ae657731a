/** The transparency log as this browser last saw it: from then on it may only grow. */
import { isGrownFrom } from "../attestation/merkle.js";
import { sayFailed, sayPassed } from "../attestation/words.js";
import { b64decode, b64encode, hex } from "../crypto/encoding.js";
import { MalformedError } from "../crypto/errors.js";

const HASH_SIZE = 32;

export class LogView {
  #storage;
  #name;
  #pin;

  /** `origin` is the log's; what was seen counts for the key that `pin` holds, as another key is another log. */
  constructor(origin, { pin, storage }) {
    this.#storage = storage;
    this.#name = `confchat.log-view.${origin}`;
    this.#pin = pin;
  }

  /** `{origin, size, root}` as last verified, or null before the first time. */
  get seen() {
    const text = this.#storage.getItem(this.#name);
    const { key, origin, size, root } = text === null ? {} : JSON.parse(text);
    return key === hex(this.#pin.key) ? { origin, size, root: b64decode(root, HASH_SIZE) } : null;
  }

  /** Remember a log that continues what was seen; a smaller one, from a slower tab, is old news. */
  keep({ origin, size, root }) {
    const seen = this.seen;
    if (seen?.origin === origin && seen.size >= size) return;
    const key = hex(this.#pin.key);
    this.#storage.setItem(this.#name, JSON.stringify({ key, origin, size, root: b64encode(root) }));
  }
}

/** The log that a statement names. */
export function logOf({ logOrigin: origin, logSize: size, logRoot: root }) {
  return { origin, size, root };
}

/** Whether a statement's log needs a proof that it continues the one seen: both are `{origin, size, root}`. */
export function needsProof(seen, now) {
  return seen !== null && seen.origin === now.origin && seen.size < now.size;
}

/** `binding.log` judged on the server's proof, a list of hashes as text or null: a check as an appraisal has them. */
export async function checkGrowth(seen, now, proof) {
  const check = { id: "binding.log", source: "derived", params: {} };
  if (await isProved(seen, now, proof)) {
    return { ...check, status: "pass", code: "", detail: sayPassed("binding.log.grown", {}) };
  }
  return { ...check, status: "fail", code: "log_differs", detail: sayFailed("log_differs", {}) };
}

async function isProved(seen, now, proof) {
  try {
    return (
      proof !== null &&
      (await isGrownFrom(
        seen,
        now,
        proof.map((hash) => b64decode(hash, HASH_SIZE)),
      ))
    );
  } catch (error) {
    if (error instanceof MalformedError) return false;
    throw error;
  }
}

/**
 * The ways in which a browser keeps a history key: each has a key of its own that wraps it (AES-256-GCM, none of them
 * extractable). What a record holds of a way is what makes that wrapping key again, with the secret that goes with it:
 *
 * - `device`: the wrapping key itself, which lies in this browser's profile;
 * - `passphrase`: salt and cost of Argon2id (RFC 9106), the passphrase being the secret;
 * - `passkey`: the credential and the salt of its PRF (WebAuthn level 3), the authenticator being the secret.
 */
import { utf8 } from "../crypto/encoding.js";
import { stretch } from "../crypto/passphrase.js";

const NONCE_SIZE = 12;
const SALT_SIZE = 32;

/** RFC 9106 section 4, second recommended option, in one lane: JavaScript has no second one. */
const PASSES = 3;
const MEMORY_KIB = 65_536;

/** What no record of ours asks for: whoever can write one must not hold up the page. */
const MAX_PASSES = 16;
const MAX_MEMORY_KIB = 1_048_576;

const PASSKEY = "confchat/1 history wrap";

export class KeyError extends Error {
  constructor(code, options) {
    super(code, options);
    this.code = code;
  }
}

const aes = (nonce, user) => ({ name: "AES-GCM", iv: nonce, additionalData: utf8(`confchat/1 key\0${user}`) });

/** Return `{nonce, sealed}` of a history key. */
export async function wrap(key, wrapping, { user, random }) {
  const nonce = random(NONCE_SIZE);
  const sealed = await crypto.subtle.encrypt(aes(nonce, user), wrapping, key);
  return { nonce, sealed: new Uint8Array(sealed) };
}

/** Return the history key. Throws KeyError `key_secret_wrong`: another secret, another account or changed bytes. */
export async function unwrap({ nonce, sealed }, wrapping, { user }) {
  try {
    return new Uint8Array(await crypto.subtle.decrypt(aes(nonce, user), wrapping, sealed));
  } catch (error) {
    throw new KeyError("key_secret_wrong", { cause: error });
  }
}

const importWrapping = (bytes) => crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);

async function fromPassphrase(passphrase, kept) {
  if (kept.passes > MAX_PASSES || kept.memory > MAX_MEMORY_KIB) throw new KeyError("key_secret_wrong");
  return importWrapping(await stretch(passphrase, kept));
}

/** HKDF-SHA-256 without salt: an AES-256-GCM key for one purpose, that no script can take out. */
export async function deriveKey(secret, purpose) {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const derivation = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: utf8(purpose) };
  const aesKey = { name: "AES-GCM", length: 256 };
  return crypto.subtle.deriveKey(derivation, material, aesKey, false, ["encrypt", "decrypt"]);
}

/** Each way: `make` returns `{kept, wrapping}`, `open` the wrapping key again; `isAsking` where it takes a secret. */
export const WAYS = {
  device: {
    isAsking: false,
    async make() {
      const wrapping = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
      return { kept: { wrapping }, wrapping };
    },
    open: async ({ wrapping }) => wrapping,
  },
  passphrase: {
    isAsking: true,
    async make({ passphrase, random, cost = { passes: PASSES, memory: MEMORY_KIB } }) {
      const kept = { salt: random(SALT_SIZE), ...cost };
      return { kept, wrapping: await fromPassphrase(passphrase, kept) };
    },
    open: (kept, { passphrase }) => fromPassphrase(passphrase, kept),
  },
  passkey: {
    isAsking: true,
    async make({ passkeys, random, name }) {
      const salt = random(SALT_SIZE);
      const { credential, output } = await passkeys.make({ salt, random, name });
      return { kept: { credential, salt }, wrapping: await deriveKey(output, PASSKEY) };
    },
    open: async ({ credential, salt }, { passkeys, random }) =>
      deriveKey(await passkeys.ask({ credential, salt, random }), PASSKEY),
  },
};

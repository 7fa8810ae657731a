/**
 * Passkeys that keep a secret: the PRF extension of WebAuthn. Nothing of it goes to a server: what counts is not that
 * somebody is known again, but the 32 bytes that only this authenticator makes of a salt.
 */
import { BrowserError } from "./errors.js";

const CHALLENGE_SIZE = 32;
const HANDLE_SIZE = 16;
const TIME_LIMIT_MS = 120_000;

/** COSE: EdDSA, ES256, RS256. */
const ALGORITHMS = [-8, -7, -257];

/** Say whether this browser could have one here: an address by number has no passkeys. */
export function hasPasskeys() {
  return Boolean(window.PublicKeyCredential) && !/^[\d.]+$|:/.test(location.hostname.replace(/^\[|\]$/g, ""));
}

/**
 * Make a passkey of its own and return `{credential, output}`, the output of its PRF for `salt` (32 bytes).
 * Throws BrowserError `passkey_ended` (the user or the time ended it), `passkey_unable` (no PRF).
 */
export async function make({ salt, random, name }) {
  const made = await asked(() =>
    navigator.credentials.create({
      publicKey: {
        rp: { name: "ConfChat" },
        user: { id: random(HANDLE_SIZE), name, displayName: name }, // its own handle: a passkey for signing in stays
        challenge: random(CHALLENGE_SIZE),
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
        authenticatorSelection: { userVerification: "required", residentKey: "preferred" },
        timeout: TIME_LIMIT_MS,
        extensions: { prf: { eval: { first: salt } } },
      },
    }),
  );
  const { prf } = made.getClientExtensionResults();
  if (!prf?.enabled) throw new BrowserError("passkey_unable");
  const credential = new Uint8Array(made.rawId);
  const output = prf.results?.first ?? (await ask({ credential, salt, random }));
  return { credential, output };
}

/** Return the output of a passkey's PRF (32 bytes). Throws BrowserError like `make`. */
export async function ask({ credential, salt, random }) {
  const found = await asked(() =>
    navigator.credentials.get({
      publicKey: {
        challenge: random(CHALLENGE_SIZE),
        allowCredentials: [{ type: "public-key", id: credential }],
        userVerification: "required",
        timeout: TIME_LIMIT_MS,
        extensions: { prf: { eval: { first: salt } } },
      },
    }),
  );
  const output = found.getClientExtensionResults().prf?.results?.first;
  if (!output) throw new BrowserError("passkey_unable");
  return output;
}

async function asked(question) {
  try {
    return await question();
  } catch (error) {
    throw new BrowserError("passkey_ended", { cause: error });
  }
}

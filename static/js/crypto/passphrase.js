/** Argon2id (RFC 9106), fetched only by who keeps his key under a passphrase. */
import { utf8 } from "./encoding.js";
import { PartError } from "./errors.js";

/**
 * Return 32 bytes of a passphrase; `salt` has 32 bytes, `memory` is in KiB. Takes seconds, and lets the page live.
 * Throws PartError where the library does not come.
 */
export async function stretch(passphrase, { salt, passes, memory }) {
  const { argon2idAsync } = await argon2();
  return argon2idAsync(utf8(passphrase.normalize("NFKC")), salt, { t: passes, m: memory, p: 1, dkLen: 32 });
}

async function argon2() {
  try {
    return await import("../../vendor/argon2.js");
  } catch (error) {
    throw new PartError({ cause: error });
  }
}

/** Argon2id (RFC 9106), fetched only by who keeps his key under a passphrase. */
import { utf8 } from "./encoding.js";

/** Return 32 bytes of a passphrase; `salt` has 32 bytes, `memory` is in KiB. Takes seconds, and lets the page live. */
export async function stretch(passphrase, { salt, passes, memory }) {
  const { argon2idAsync } = await import("../../vendor/argon2.js");
  return argon2idAsync(utf8(passphrase.normalize("NFKC")), salt, { t: passes, m: memory, p: 1, dkLen: 32 });
}

/** Signatures and digests on WebCrypto. What cannot be a signature or a key simply does not verify. */
import { concat, unhex } from "../crypto/encoding.js";

const ES256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
// SubjectPublicKeyInfo of an uncompressed P-256 key (RFC 5480) and of an Ed25519 key (RFC 8410), without the key.
export const P256_SPKI = unhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004");
const ED25519 = { name: "Ed25519" };

/** Import a P-256 key of 64 bytes x || y; null where that is no point of the curve. */
export async function importP256(raw) {
  return crypto.subtle.importKey("spki", concat(P256_SPKI, raw), ES256, false, ["verify"]).catch(() => null);
}

/** Tell whether a P-256 key made this signature (r || s, 64 bytes; null never verifies) over data, with SHA-256. */
export async function hasSigned(key, signature, data) {
  return key !== null && signature?.length === 64 && crypto.subtle.verify(ES256, key, signature, data);
}

/** Tell whether an Ed25519 key of 32 bytes made this signature over data. */
export async function hasSignedEd25519(raw, signature, data) {
  const key = await crypto.subtle.importKey("raw", raw, ED25519, false, ["verify"]).catch(() => null);
  return key !== null && signature.length === 64 && crypto.subtle.verify(ED25519, key, signature, data);
}

export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

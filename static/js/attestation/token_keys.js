/**
 * The public keys that a token may be signed with: pinned ones, and those that a certificate under a pinned root names.
 * As attestation/token_keys.py.
 */
import { fromBase64Strict } from "../crypto/encoding.js";
import { isOfEvidence } from "./errors.js";
import { parseTokenCertificate, verifyChainTo } from "./token_certificates.js";

const MIN_RSA_BITS = 2048;
const MAX_CHAIN = 10;
const PKCS1 = "RSASSA-PKCS1-v1_5";

// The JWK members that make the key, WebCrypto's name of the algorithm (RFC 7518, section 3), and of the signature.
const ALGORITHMS = {
  ES256: [["kty", "crv", "x", "y"], { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }],
  RS256: [["kty", "e", "n"], { name: PKCS1, hash: "SHA-256" }],
  RS384: [["kty", "e", "n"], { name: PKCS1, hash: "SHA-384" }],
  PS384: [["kty", "e", "n"], { name: "RSA-PSS", hash: "SHA-384", saltLength: 48 }],
};

/** Whether one of the keys that count for an issuer made this signature; a pin that cannot be used verifies nothing. */
export async function isSignedByUsable({ issuer, header, jwks, now }, signature, signed) {
  if (!Object.hasOwn(ALGORITHMS, issuer.algorithm)) return false;
  const [names, parameters] = ALGORITHMS[issuer.algorithm];
  const pinned = issuer.keys.map((jwk) => importPinned(jwk, names, parameters));
  const chains = issuer.rootSha256.length ? chainsOf(header, jwks) : [];
  const endorsed = chains.map((chain) => importEndorsed(chain, issuer.rootSha256, now, parameters));
  for (const key of await Promise.all([...pinned, ...endorsed])) {
    const isUsable = key !== null && !(key.algorithm.modulusLength < MIN_RSA_BITS);
    if (isUsable && (await crypto.subtle.verify(parameters, key, signature, signed))) return true;
  }
  return false;
}

function importPinned(jwk, names, parameters) {
  const members = Object.fromEntries(names.map((name) => [name, String(jwk[name]).replace(/=+$/, "")]));
  return crypto.subtle.importKey("jwk", members, parameters, false, ["verify"]).catch(() => null);
}

/** The certificate chains that a token or the key set beside it brings, leaf first, as texts. */
function chainsOf(header, jwks) {
  const keys = Array.isArray(jwks.keys) ? jwks.keys : [];
  return [header, header.jwk, ...keys]
    .map((bearer) => bearer?.x5c)
    .filter((texts) => Array.isArray(texts) && texts.length > 0 && texts.length <= MAX_CHAIN);
}

/** The leaf's key where the chain ends in a pinned root, else null. */
async function importEndorsed(texts, roots, now, parameters) {
  try {
    const chain = texts.map((text) => parseTokenCertificate(fromBase64Strict(text)));
    if (!(await verifyChainTo(roots, chain, now))) return null;
    return await crypto.subtle.importKey("spki", chain[0].spki, parameters, false, ["verify"]).catch(() => null);
  } catch (error) {
    if (isOfEvidence(error)) return null;
    throw error;
  }
}

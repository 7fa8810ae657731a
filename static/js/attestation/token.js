/**
 * Attestation tokens: compact JWS under a pinned key and algorithm (RFC 7515, RFC 7519). `jku`, `x5u`, `x5c`, `jwk` and
 * `kid` of a token are never looked at. As attestation/token.py.
 */
import { b64decode, parseJson, utf8 } from "../crypto/encoding.js";
import { MalformedError } from "../crypto/errors.js";
import { AppraisalError, expect } from "./errors.js";
import { Members } from "./members.js";

const MAX_TOKEN_SIZE = 256 * 1024;
const MAX_TOKEN_LIFETIME_S = 3600;
const MIN_RSA_BITS = 2048;
const RSA = "RSASSA-PKCS1-v1_5";

// The JWK members that make the key, and WebCrypto's name of the algorithm (RFC 7518, section 3).
const ALGORITHMS = {
  ES256: [["kty", "crv", "x", "y"], { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }],
  RS256: [["kty", "e", "n"], { name: RSA, hash: "SHA-256" }],
  RS384: [["kty", "e", "n"], { name: RSA, hash: "SHA-384" }],
};

/**
 * The claims of a token that this issuer signed, for this audience, valid now; what they say of any evidence is not
 * looked at. `issuer` is `{issuer, audience, algorithm, key, leewayS}`. Throws AppraisalError `token_*`.
 */
export async function verifyToken(token, issuer, now) {
  const { header, claims, signed, signature } = split(token);
  expect(header.alg === issuer.algorithm && !Object.hasOwn(header, "crit"), "token_algorithm");
  expect(await isSignedBy(issuer, signature, signed), "token_signature");
  expect(claims.iss === issuer.issuer, "token_issuer");
  expect([claims.aud].flat().includes(issuer.audience), "token_audience");
  checkTimes(claims, now.getTime() / 1000, issuer.leewayS);
  return claims;
}

function split(token) {
  const parts = token.split(".");
  expect(token.length <= MAX_TOKEN_SIZE && parts.length === 3, "token_malformed");
  try {
    const [header, claims] = parts.slice(0, 2).map(decodePart);
    return { header, claims, signed: utf8(`${parts[0]}.${parts[1]}`), signature: b64decode(parts[2]) };
  } catch (error) {
    throw error instanceof MalformedError ? new AppraisalError("token_malformed") : error;
  }
}

function decodePart(part) {
  const value = parseJson(b64decode(part));
  new Members(value);
  return value;
}

/** The pinned key and algorithm alone decide; a pin that cannot be used verifies nothing. */
async function isSignedBy({ algorithm, key: jwk }, signature, signed) {
  if (!Object.hasOwn(ALGORITHMS, algorithm)) return false;
  const [names, parameters] = ALGORITHMS[algorithm];
  const members = Object.fromEntries(names.map((name) => [name, String(jwk[name]).replace(/=+$/, "")]));
  const key = await crypto.subtle.importKey("jwk", members, parameters, false, ["verify"]).catch(() => null);
  if (key === null || key.algorithm.modulusLength < MIN_RSA_BITS) return false;
  return crypto.subtle.verify(parameters, key, signature, signed);
}

function checkTimes(claims, now, leewayS) {
  const { iat, exp, nbf = iat } = claims;
  expect([iat, exp, nbf].every(Number.isInteger), "token_time");
  expect(exp > iat && exp - iat <= MAX_TOKEN_LIFETIME_S, "token_time");
  expect(Math.max(iat, nbf) - leewayS <= now && now <= exp + leewayS, "token_time");
}

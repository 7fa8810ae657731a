/**
 * Attestation tokens: compact JWS under pinned keys and one algorithm (RFC 7515, RFC 7519). `jku`, `x5u`, `jwk` and `kid`
 * of a token are never looked at, and its `x5c` only up to a pinned root. As attestation/token.py.
 */
import { b64decode, parseJson, utf8 } from "../crypto/encoding.js";
import { MalformedError } from "../crypto/errors.js";
import { AppraisalError, expect } from "./errors.js";
import { Members } from "./members.js";
import { isSignedByUsable } from "./token_keys.js";

const MAX_TOKEN_SIZE = 256 * 1024;
// However long a token says that it holds, it is an answer of today's question.
const MAX_TOKEN_AGE_S = 3600;

/**
 * The claims of a token that this issuer signed, for this audience, valid now; what they say of any evidence is not
 * looked at. `issuer` is as `tokenIssuer` in policy.js makes it; `jwks` came with the token: of it only certificate
 * chains to a pinned root count. Throws AppraisalError `token_*`.
 */
export async function verifyToken(token, issuer, now, jwks = {}) {
  const { header, claims, signed, signature } = split(token);
  expect(header.alg === issuer.algorithm && !Object.hasOwn(header, "crit"), "token_algorithm");
  expect(await isSignedByUsable({ issuer, header, jwks, now }, signature, signed), "token_signature");
  expect(issuer.issuer === null || claims.iss === issuer.issuer, "token_issuer");
  expect(issuer.audience === null || [claims.aud].flat().includes(issuer.audience), "token_audience");
  checkTimes(claims, issuer, now.getTime() / 1000);
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

function checkTimes(claims, { maxLifetimeS, leewayS }, now) {
  const { iat, exp, nbf = iat } = claims;
  expect([iat, exp, nbf].every(Number.isInteger), "token_time");
  expect(exp > iat && exp - iat <= maxLifetimeS, "token_time");
  const last = Math.min(exp, iat + MAX_TOKEN_AGE_S);
  expect(Math.max(iat, nbf) - leewayS <= now && now <= last + leewayS, "token_time");
}

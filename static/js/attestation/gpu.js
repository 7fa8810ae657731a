/** What a machine shows of its GPUs: NVIDIA's signed claims, read by form. Trusts nothing. As attestation/gpu.py. */
import { b64decode, concat, hex, parseJson, utf8 } from "../crypto/encoding.js";
import { requireForm } from "../crypto/errors.js";
import { Members } from "./members.js";
import { sha256 } from "./signatures.js";

export const GPU_STATES = ["plain", "unproven", "confidential"];
const MAX_TEXT_SIZE = 64 * 1024;
const MAX_DEVICES = 16;
const SIGNATURE_SIZE = 96;
const ES384 = { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" };

/** What GPUs are asked with for a client's nonce: 32 bytes in hex. */
export async function gpuNonce(nonce) {
  return hex(await sha256(concat(utf8("confchat/1 gpu\0"), nonce)));
}

/** The SHA-256 by which a statement names what proves a GPU. */
export function gpuDigest(text) {
  return sha256(utf8(text));
}

/** Parse the member `gpu` of evidence: `{verifier, overall, devices, tokens}`. Throws MalformedError. */
export function parseGpuClaims(text) {
  requireForm([...text].length <= MAX_TEXT_SIZE);
  const members = new Members(parseJson(utf8(text)));
  const verifier = members.choice("verifier", ["nras", "local"]);
  const named = Object.values(members.object("devices"));
  requireForm(named.length > 0 && named.length <= MAX_DEVICES);
  const [overall, ...devices] = [members.text("overall"), ...named].map(parseJwt);
  return { verifier, overall, devices, tokens: [overall, ...devices] };
}

/** Whether one of these pinned keys (JWK, P-384) signed a token; its own `kid`, `jku` and `x5c` count nothing. */
export async function isSignedBy({ header, signed, signature }, keys) {
  if (header.alg !== "ES384" || Object.hasOwn(header, "crit") || signature.length !== SIGNATURE_SIZE) return false;
  for (const { kty, crv, x, y } of keys) {
    const key = await crypto.subtle.importKey("jwk", { kty, crv, x, y }, ES384, false, ["verify"]).catch(() => null);
    if (key !== null && (await crypto.subtle.verify(ES384, key, signature, signed))) return true;
  }
  return false;
}

function parseJwt(token) {
  const parts = typeof token === "string" ? token.split(".") : [];
  requireForm(parts.length === 3);
  const [header, claims] = parts.slice(0, 2).map((part) => parseJson(b64decode(part)));
  for (const part of [header, claims]) new Members(part);
  return { header, claims, signed: utf8(`${parts[0]}.${parts[1]}`), signature: b64decode(parts[2]) };
}

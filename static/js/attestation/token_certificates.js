/** Certificates of those who sign tokens: RSA or P-256, a chain of any length to a pinned root (RFC 5280). */
import { equal, unhex } from "../crypto/encoding.js";
import { requireForm } from "../crypto/errors.js";
import { OCTET_STRING, OID, SEQUENCE } from "./der.js";
import { bits, contentOf, isTrue, number, rawOf, readDer, readInside, time } from "./der.js";
import { rawSignature } from "./x509.js";

const CONTEXT_0 = 0xa0;
const CONTEXT_3 = 0xa3;
const BASIC_CONSTRAINTS = unhex("551d13");
const PKCS1 = "RSASSA-PKCS1-v1_5";
// AlgorithmIdentifiers (RFC 8017, RFC 5758) and what WebCrypto calls them; PSS with the salt that belongs to its hash.
const pss = (hash, salt) =>
  `304106092a864886f70d01010a3034a00f300d0609608648016503040${hash}0500a11c301a06092a864886f70d010108300d` +
  `0609608648016503040${hash}0500a2030201${salt}`;
const SIGNATURES = [
  ["300d06092a864886f70d01010b0500", { name: PKCS1, hash: "SHA-256" }],
  ["300d06092a864886f70d01010c0500", { name: PKCS1, hash: "SHA-384" }],
  ["300d06092a864886f70d01010d0500", { name: PKCS1, hash: "SHA-512" }],
  [pss("201", "20"), { name: "RSA-PSS", hash: "SHA-256", saltLength: 32 }],
  [pss("202", "30"), { name: "RSA-PSS", hash: "SHA-384", saltLength: 48 }],
  [pss("203", "40"), { name: "RSA-PSS", hash: "SHA-512", saltLength: 64 }],
  ["300a06082a8648ce3d040302", { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }],
].map(([identifier, parameters]) => [unhex(identifier), parameters]);

/** Parse one certificate: what a chain of signers needs of it. Throws MalformedError. */
export function parseTokenCertificate(der) {
  const [signed, algorithm, value, ...none] = readInside(readDer(der));
  requireForm(!none.length && rawOf(algorithm));
  const fields = readInside(signed);
  requireForm(fields.length >= 7 && fields[0].tag === CONTEXT_0 && number(readInside(fields[0], CONTEXT_0)[0]) === 2);
  const [, , inner, issuer, validity, subject, spki, ...rest] = fields;
  const [notBefore, notAfter] = readInside(validity).map(time);
  const extensions = rest.find(({ tag }) => tag === CONTEXT_3);
  return {
    der,
    tbs: rawOf(signed),
    algorithm: equal(rawOf(inner), rawOf(algorithm)) ? rawOf(algorithm) : new Uint8Array(),
    signature: bits(value).bytes,
    issuer: rawOf(issuer),
    subject: rawOf(subject),
    spki: rawOf(spki),
    notBefore,
    notAfter,
    isCa: extensions !== undefined && isAuthority(extensions),
  };
}

/** Whether every certificate is signed by the next, in date, and the last is a root with one of these digests. */
export async function verifyChainTo(roots, chain, now) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", chain.at(-1).der));
  if (!roots.some((root) => equal(root, digest))) return false;
  if (!chain.every(({ notBefore, notAfter }) => notBefore <= now && now <= notAfter)) return false;
  const links = chain.map((subject, place) => isIssuedBy(subject, chain[Math.min(place + 1, chain.length - 1)]));
  return (await Promise.all(links)).every(Boolean);
}

async function isIssuedBy(subject, issuer) {
  if (!issuer.isCa || !equal(subject.issuer, issuer.subject)) return false;
  const parameters = SIGNATURES.find(([identifier]) => equal(identifier, subject.algorithm))?.[1];
  if (!parameters) return false;
  const key = await crypto.subtle.importKey("spki", issuer.spki, parameters, false, ["verify"]).catch(() => null);
  const signature = parameters.name === "ECDSA" ? rawSignature(subject.signature) : subject.signature;
  return key !== null && signature !== null && crypto.subtle.verify(parameters, key, signature, subject.tbs);
}

function isAuthority(extensions) {
  const [list] = readInside(extensions, CONTEXT_3);
  for (const extension of readInside(list, SEQUENCE)) {
    const [id, ...values] = readInside(extension);
    if (!equal(contentOf(id, OID), BASIC_CONSTRAINTS)) continue;
    const [first] = readInside(readDer(contentOf(values.at(-1), OCTET_STRING)));
    return isTrue(first);
  }
  return false;
}

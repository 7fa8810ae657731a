/** Certificates and CRLs read whole from DER (RFC 5280). Parses, verifies nothing. */
import { concat, equal, fromUtf8, hex, unhex } from "../crypto/encoding.js";
import { MalformedError, requireForm } from "../crypto/errors.js";
import { OCTET_STRING, OID, SEQUENCE, SET } from "./der.js";
import { bits, contentOf, isTrue, number, rawOf, readDer, readInside, time, unsigned } from "./der.js";
import { SGX_EXTENSION } from "./pck.js";
import { P256_SPKI, importP256 } from "./signatures.js";

const ECDSA_WITH_SHA256 = unhex("300a06082a8648ce3d040302");
const COMMON_NAME = "550403";
const BASIC_CONSTRAINTS = "551d13";
const KEY_USAGE = "551d0f";
const CONTEXT_0 = 0xa0;
const CONTEXT_3 = 0xa3;

// Bits of KeyUsage (RFC 5280, section 4.2.1.3), the first one highest.
const DIGITAL_SIGNATURE = 0x80;
const KEY_CERT_SIGN = 0x04;
const CRL_SIGN = 0x02;

/** Parse one X.509 v3 certificate; `key` is null where it is not P-256. Throws MalformedError. */
export async function parseCertificate(der) {
  const { tbs, fields, ...signed } = parseSigned(der);
  const [version, serial, algorithm, issuer, validity, subject, spki, extensions, ...rest] = fields;
  const [v3, ...more] = readInside(version, CONTEXT_0);
  requireForm(number(v3) === 2 && !more.length && !rest.length);
  const known = parseExtensions(extensions && readInside(extensions, CONTEXT_3));
  const [notBefore, notAfter, ...never] = readInside(validity);
  requireForm(!never.length);
  const usage = known.has(KEY_USAGE) ? bits(readDer(known.get(KEY_USAGE).value)).bytes[0] : 0;
  return {
    der,
    tbs,
    ...signed,
    hasOurAlgorithm: signed.hasOurAlgorithm && equal(rawOf(algorithm), ECDSA_WITH_SHA256),
    serial: hex(unsigned(serial)),
    issuer: rawOf(issuer),
    subject: rawOf(subject),
    commonName: commonName(subject),
    notBefore: time(notBefore),
    notAfter: time(notAfter),
    key: await parseKey(spki),
    isCa: parseConstraints(known.get(BASIC_CONSTRAINTS)?.value),
    signsData: Boolean(usage & DIGITAL_SIGNATURE),
    signsCertificates: Boolean(usage & KEY_CERT_SIGN),
    signsCrls: Boolean(usage & CRL_SIGN),
    hasUnknownCritical: [...known].some(
      ([oid, item]) => item.critical && ![BASIC_CONSTRAINTS, KEY_USAGE].includes(oid),
    ),
    sgxExtension: known.get(SGX_EXTENSION)?.value ?? null,
  };
}

/** Parse a CRL of version 2 with a next update and without critical extensions. Throws MalformedError. */
export function parseCrl(der) {
  const { tbs, fields, ...signed } = parseSigned(der);
  const [version, algorithm, issuer, thisUpdate, nextUpdate, ...rest] = fields;
  requireForm(number(version) === 1);
  const entries = rest[0]?.tag === SEQUENCE ? readInside(rest.shift()).map((entry) => readInside(entry)) : [];
  const extensions = rest.length ? readInside(rest.shift(), CONTEXT_0) : undefined;
  const all = [
    parseExtensions(extensions),
    ...entries.map(([, , ...more]) => parseExtensions(more.length ? more : undefined)),
  ];
  const hasCritical = all.some((known) => [...known.values()].some((item) => item.critical));
  requireForm(!rest.length && !hasCritical);
  entries.forEach(([, revokedAt]) => time(revokedAt));
  return {
    tbs,
    ...signed,
    hasOurAlgorithm: signed.hasOurAlgorithm && equal(rawOf(algorithm), ECDSA_WITH_SHA256),
    issuer: rawOf(issuer),
    revoked: new Set(entries.map(([serial]) => hex(unsigned(serial)))),
    thisUpdate: time(thisUpdate),
    nextUpdate: time(nextUpdate),
  };
}

/** SIGNED{…}: the part that is signed, its members, and the signature as r || s (null where it cannot be one). */
function parseSigned(der) {
  const [tbs, algorithm, signature, ...rest] = readInside(readDer(der));
  requireForm(!rest.length);
  const { bytes, unused } = bits(signature);
  requireForm(unused === 0);
  const hasOurAlgorithm = equal(rawOf(algorithm), ECDSA_WITH_SHA256);
  return { tbs: rawOf(tbs), fields: readInside(tbs), signature: rawSignature(bytes), hasOurAlgorithm };
}

/** An ECDSA signature of two numbers as r || s, 32 bytes each or longer; null where it is none. */
export function rawSignature(der) {
  try {
    const halves = readInside(readDer(der)).map((value) => unsigned(value));
    const padded = halves.map((half) => concat(new Uint8Array(Math.max(0, 32 - half.length)), half));
    return padded.length === 2 ? concat(...padded) : null;
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

async function parseKey(spki) {
  const raw = rawOf(spki);
  if (!equal(raw.subarray(0, P256_SPKI.length), P256_SPKI)) return null;
  const key = await importP256(raw.subarray(P256_SPKI.length));
  requireForm(key);
  return key;
}

function commonName(name) {
  const parts = readInside(name).flatMap((set) => readInside(set, SET).map((part) => readInside(part)));
  const found = parts.filter(([oid]) => hex(contentOf(oid, OID)) === COMMON_NAME);
  requireForm(found.length === 1 && found[0].length === 2);
  return fromUtf8(found[0][1].content);
}

/** Extensions by their OID in hex, `{critical, value}`; none twice. */
function parseExtensions(wrapper) {
  if (!wrapper) return new Map();
  requireForm(wrapper.length === 1);
  const items = readInside(wrapper[0]).map((item) => {
    const [oid, ...parts] = readInside(item);
    const critical = parts.length === 2 && isTrue(parts.shift());
    requireForm(parts.length === 1);
    return [hex(contentOf(oid, OID)), { critical, value: contentOf(parts[0], OCTET_STRING) }];
  });
  const known = new Map(items);
  requireForm(known.size === items.length);
  return known;
}

/** Whether BasicConstraints names a CA; null where the extension is missing. */
function parseConstraints(value) {
  return value ? isTrue(readInside(readDer(value))[0]) : null;
}

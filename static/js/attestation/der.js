/** A strict reader of the DER (X.690) that X.509 uses: one-byte tags, shortest lengths, nothing left over. */
import { requireForm } from "../crypto/errors.js";

export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const OID = 0x06;
export const ENUMERATED = 0x0a;
export const SEQUENCE = 0x30;
export const SET = 0x31;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

/** Read exactly one value: `{tag, content, raw}`. Throws MalformedError. */
export function readDer(bytes) {
  const values = readAll(bytes);
  requireForm(values.length === 1);
  return values[0];
}

/** Read the values inside a constructed one of this tag. Throws MalformedError. */
export function readInside(value, tag = SEQUENCE) {
  return readAll(contentOf(value, tag));
}

/** The content of a value that must have this tag. Throws MalformedError. */
export function contentOf(value, tag) {
  requireForm(value?.tag === tag);
  return value.content;
}

/** The whole bytes of a value that must have this tag. Throws MalformedError. */
export function rawOf(value, tag = SEQUENCE) {
  contentOf(value, tag);
  return value.raw;
}

/** The content of an INTEGER or ENUMERATED: not negative, in its shortest form, without a leading zero byte. */
export function unsigned(value, tag = INTEGER) {
  const content = contentOf(value, tag);
  requireForm(content.length > 0 && content[0] < 0x80);
  if (content.length === 1 || content[0] !== 0) return content;
  requireForm(content[1] >= 0x80);
  return content.subarray(1);
}

/** A small number: at most 4 bytes. */
export function number(value, tag = INTEGER) {
  const content = unsigned(value, tag);
  requireForm(content.length <= 4);
  return content.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** TRUE; DER leaves out FALSE where it is the default, as it is wherever X.509 has a BOOLEAN here. */
export function isTrue(value) {
  if (value?.tag !== BOOLEAN) return false;
  requireForm(value.content.length === 1 && value.content[0] === 0xff);
  return true;
}

/** The bytes of a BIT STRING and how many of its last bits do not count. */
export function bits(value) {
  const content = contentOf(value, BIT_STRING);
  const [unused, bytes] = [content[0], content.subarray(1)];
  const isForm = content.length > 0 && unused < 8 && (unused === 0 || bytes.length > 0);
  requireForm(isForm && !(bytes.at(-1) & ((1 << unused) - 1)));
  return { bytes, unused };
}

/** A UTCTime or GeneralizedTime in UTC with seconds, as a Date. */
export function time(value) {
  const isLong = value?.tag === GENERALIZED_TIME;
  const text = String.fromCharCode(...contentOf(value, isLong ? GENERALIZED_TIME : UTC_TIME));
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(isLong ? text : (text < "50" ? "20" : "19") + text);
  const iso = match ? `${match.slice(1, 4).join("-")}T${match.slice(4).join(":")}.000Z` : "";
  const date = new Date(iso);
  requireForm(match && date.getTime() && date.toISOString() === iso);
  return date;
}

function readAll(bytes) {
  const values = [];
  for (let at = 0; at < bytes.length;) {
    const [start, end] = extent(bytes, at);
    values.push({ tag: bytes[at], content: bytes.subarray(start, end), raw: bytes.subarray(at, end) });
    at = end;
  }
  return values;
}

/** Where the content of the value at an offset starts and ends. */
function extent(bytes, at) {
  let length = bytes[at + 1];
  let start = at + 2;
  requireForm((bytes[at] & 0x1f) !== 0x1f && length !== undefined);
  if (length >= 0x80) {
    const size = length - 0x80;
    length = bytes.subarray(start, start + size).reduce((sum, byte) => sum * 256 + byte, 0);
    start += size;
    requireForm(size > 0 && size < 4 && length >= (size === 1 ? 0x80 : 256 ** (size - 1)));
  }
  requireForm(start + length <= bytes.length);
  return [start, start + length];
}

/** Bytes and the texts they stand for. */
import { MalformedError } from "./errors.js";

export function utf8(text) {
  return new TextEncoder().encode(text);
}

/** Decode UTF-8; a byte order mark stays in the text. Throws MalformedError. */
export function fromUtf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new MalformedError("not UTF-8", { cause: error });
  }
}

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Compare two byte strings; the time depends on their lengths only. */
export function equal(a, b) {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length && i < b.length; i++) difference |= a[i] ^ b[i];
  return difference === 0;
}

export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Decode lower-case hex; `size` is the exact number of bytes expected. Throws MalformedError. */
export function unhex(text, size) {
  if (typeof text !== "string" || text.length % 2 || !/^[0-9a-f]*$/.test(text)) {
    throw new MalformedError("not lower-case hex");
  }
  const bytes = Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  return sized(bytes, size);
}

/** Refuse bytes of another size than the one expected, if one is. Throws MalformedError. */
export function sized(bytes, size) {
  if (size !== undefined && bytes.length !== size) {
    throw new MalformedError(`expected ${size} bytes, got ${bytes.length}`);
  }
  return bytes;
}

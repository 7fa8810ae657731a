/** The encodings of the wire: unpadded base64url, hex and bytes. The same verdicts as attestation/encoding.py. */
import { sized } from "./bytes.js";
import { MalformedError } from "./errors.js";

export { concat, equal, fromUtf8, hex, sized, unhex, utf8 } from "./bytes.js";
export { parseJson } from "./json.js";

export function b64encode(bytes) {
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Decode canonical base64url without padding; `size` is the exact number of bytes. Throws MalformedError. */
export function b64decode(text, size) {
  if (typeof text !== "string" || !/^[\w-]*$/.test(text) || text.length % 4 === 1) {
    throw new MalformedError("not base64url without padding");
  }
  const bytes = fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
  if (b64encode(bytes) !== text) throw new MalformedError("not canonical base64url");
  return sized(bytes, size);
}

/** Decode canonical base64 of the standard alphabet with its padding, as others write it. Throws MalformedError. */
export function fromBase64Strict(text) {
  if (typeof text !== "string" || text.length % 4 || /[-_]|===$/.test(text)) {
    throw new MalformedError("not base64 with padding");
  }
  return b64decode(text.replace(/=+$/, "").replaceAll("+", "-").replaceAll("/", "_"));
}

/** Decode standard base64, as PEM has it. Throws MalformedError. */
export function fromBase64(text) {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch (error) {
    throw new MalformedError("not base64", { cause: error });
  }
}

export function toBase64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/**
 * The recovery code: a history key as people write it down and type it again.
 *
 * 56 letters and digits in 14 groups, Crockford's base 32 (no I, L, O, U): the key's 32 bytes and 3 bytes of checksum.
 * Case, blanks and hyphens do not count, letters that look like others are read as those, and one mistake (a wrong,
 * missing or surplus letter, or two neighbours swapped) is put right: of the some 3 600 codes that are so near, a wrong
 * one fits the checksum once in 4 600 times, and is then not the account's key either.
 */
import { utf8 } from "../crypto/encoding.js";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LOOKALIKES = { O: "0", I: "1", L: "1", U: "V" };
const GROUP = 4;
const KEY_SIZE = 32;
const CHECK_SIZE = 3;
const LETTERS = ((KEY_SIZE + CHECK_SIZE) * 8) / 5;
const LABEL = utf8("confchat/1 recovery code\0");

/** Return the code of a key of 32 bytes. */
export async function recoveryCode(key) {
  const bytes = new Uint8Array([...key, ...(await checksum(key))]);
  const letters = lettersOf(bytes);
  return letters.match(new RegExp(`.{${GROUP}}`, "g")).join("-");
}

/** Return the key (32 bytes) of a code as somebody typed it, or null where it is none. */
export async function readRecoveryCode(text) {
  const letters = normalised(text);
  if (Math.abs(letters.length - LETTERS) > 1) return null;
  const typed = await keyOf(letters);
  if (typed) return typed;
  for (const candidate of nearby(letters)) {
    const key = await keyOf(candidate);
    if (key) return key;
  }
  return null;
}

function normalised(text) {
  const letters = text.toUpperCase().replace(/[\s\-‐-―−ー]/g, "");
  return letters.replace(/[OILU]/g, (letter) => LOOKALIKES[letter]);
}

/** The key of exactly these letters, or null. */
async function keyOf(letters) {
  const bytes = bytesOf(letters);
  if (!bytes) return null;
  const [key, check] = [bytes.slice(0, KEY_SIZE), bytes.slice(KEY_SIZE)];
  const expected = await checksum(key);
  return expected.every((byte, i) => byte === check[i]) ? key : null;
}

/** Codes of the right length that are one mistake away. */
function* nearby(letters) {
  const at = (i, length, put) => letters.slice(0, i) + put + letters.slice(i + length);
  const places = [...letters].keys();
  for (const i of places) {
    if (letters.length > LETTERS) yield at(i, 1, "");
    else if (letters.length < LETTERS) for (const letter of ALPHABET) yield at(i, 0, letter);
    else {
      if (i + 1 < LETTERS) yield at(i, 2, letters[i + 1] + letters[i]);
      for (const letter of ALPHABET) yield at(i, 1, letter);
    }
  }
  if (letters.length < LETTERS) for (const letter of ALPHABET) yield letters + letter;
}

async function checksum(key) {
  const hash = await crypto.subtle.digest("SHA-256", new Uint8Array([...LABEL, ...key]));
  return new Uint8Array(hash, 0, CHECK_SIZE);
}

/** Five bits a letter, the most significant first; 35 bytes leave none over. */
function lettersOf(bytes) {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return bits.replace(/.{5}/g, (five) => ALPHABET[parseInt(five, 2)]);
}

function bytesOf(letters) {
  const values = [...letters].map((letter) => ALPHABET.indexOf(letter));
  if (letters.length !== LETTERS || values.includes(-1)) return null;
  const bits = values.map((value) => value.toString(2).padStart(5, "0")).join("");
  return Uint8Array.from(bits.match(/.{8}/g), (byte) => parseInt(byte, 2));
}

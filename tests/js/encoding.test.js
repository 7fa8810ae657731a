import assert from "node:assert/strict";
import { test } from "node:test";
import { b64decode, b64encode, concat, equal, fromUtf8, hex, unhex, utf8 } from "../../static/js/crypto/encoding.js";
import { MalformedError } from "../../static/js/crypto/errors.js";

test("base64url round-trips every length", () => {
  for (let size = 0; size < 70; size++) {
    const bytes = crypto.getRandomValues(new Uint8Array(size));
    assert.deepEqual(b64decode(b64encode(bytes), size), bytes);
    assert.equal(b64encode(bytes), Buffer.from(bytes).toString("base64url"));
  }
});

for (const [name, text] of Object.entries({
  padding: "AA==",
  "the standard alphabet": "+/+/",
  "white space": "AAA A",
  "a line break at the end": "AAAA\n",
  "a length of 1": "A",
  "a length of 5": "AAAAA",
  "last bits of two that are not zero": "AB",
  "last bits of three that are not zero": "AAB",
  "another character": "AAA.",
  "letters of another script": "АААА",
  "a number": 12,
  null: null,
})) {
  test(`base64url refuses ${name}`, () => assert.throws(() => b64decode(text), MalformedError));
}

test("base64url and hex refuse another size", () => {
  assert.throws(() => b64decode("AAAA", 4), MalformedError);
  assert.throws(() => unhex("0000", 3), MalformedError);
  assert.deepEqual(unhex("00ff10", 3), new Uint8Array([0, 255, 16]));
});

for (const text of ["0", "0G", "AB", " 00", 0, null, ["00"]]) {
  test(`hex refuses ${JSON.stringify(text)}`, () => assert.throws(() => unhex(text), MalformedError));
}

test("hex is lower case", () => assert.equal(hex(new Uint8Array([0, 171, 255])), "00abff"));

test("bytes are joined and compared", () => {
  const [a, b] = [utf8("a"), utf8("bé")];
  assert.deepEqual(concat(a, b, new Uint8Array()), utf8("abé"));
  assert.ok(equal(concat(a, b), utf8("abé")));
  assert.ok(!equal(a, utf8("b")));
  assert.ok(!equal(a, utf8("aa")));
  assert.ok(!equal(new Uint8Array(), a));
});

test("UTF-8 keeps a byte order mark and refuses what is not UTF-8", () => {
  assert.equal(fromUtf8(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])), "\ufeffa");
  assert.throws(() => fromUtf8(new Uint8Array([0xff])), MalformedError);
});

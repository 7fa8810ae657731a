import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ENUMERATED,
  bits,
  contentOf,
  isTrue,
  number,
  readDer,
  readInside,
  time,
  unsigned,
} from "../../static/js/attestation/der.js";
import { hex, unhex, utf8 } from "../../static/js/crypto/encoding.js";
import { MalformedError } from "../../static/js/crypto/errors.js";

const der = (text) => readDer(unhex(text));
const refuses = (read) => assert.throws(read, MalformedError);
const timed = (tag, text) => readDer(new Uint8Array([tag, text.length, ...utf8(text)]));

for (const [name, text] of Object.entries({
  nothing: "",
  "a tag alone": "30",
  "content that is cut": "0403aabb",
  "something behind it": "050000",
  "an indefinite length": "30800000",
  "a long form for a short length": "04810101",
  "a leading zero in a length": `04820080${"00".repeat(128)}`,
  "a length of four bytes": `048400000080${"00".repeat(128)}`,
  "a length of reserved form": "04ff00",
  "a tag of several bytes": "1f810100",
})) {
  test(`${name} is refused`, () => refuses(() => der(text)));
}

test("lengths in their shortest form are read", () => {
  for (const size of [0, 1, 127]) assert.equal(der(`04${hex([size])}${"00".repeat(size)}`).content.length, size);
  for (const size of [128, 255]) assert.equal(der(`0481${hex([size])}${"00".repeat(size)}`).content.length, size);
  for (const size of [256, 700])
    assert.equal(der(`0482${hex([size >> 8, size & 255])}${"00".repeat(size)}`).content.length, size);
});

test("another tag is refused", () => {
  refuses(() => contentOf(der("0500"), 4));
  refuses(() => contentOf(undefined, 4));
  refuses(() => readInside(der("0400")));
});

test("numbers are read in their shortest form, and never negative", () => {
  assert.equal(number(der("020100")), 0);
  assert.equal(number(der("02017f")), 127);
  assert.equal(number(der("02020080")), 128);
  assert.equal(number(der("020500ffffffff")), 0xffffffff);
  assert.equal(number(der("0a0101"), ENUMERATED), 1);
  assert.deepEqual(unsigned(der("02020080")), unhex("80"));
  for (const text of ["0200", "0201ff", "020180", "02020001", "0202007f", "0a0101", "02050100000000"]) {
    refuses(() => number(der(text)));
  }
});

test("only the DER form of TRUE is true", () => {
  assert.equal(isTrue(der("0101ff")), true);
  assert.equal(isTrue(der("020100")), false);
  assert.equal(isTrue(undefined), false);
  for (const text of ["010100", "010101", "0102ffff", "0100"]) refuses(() => isTrue(der(text)));
});

test("unused bits are zero and counted", () => {
  assert.deepEqual(bits(der("03020780")), { bytes: unhex("80"), unused: 7 });
  assert.deepEqual(bits(der("030100")), { bytes: unhex(""), unused: 0 });
  for (const text of ["0300", "030101", "03020881", "03020781", "04020780"]) refuses(() => bits(der(text)));
});

test("times are UTC with seconds, and of this calendar", () => {
  assert.equal(time(timed(0x17, "261122120000Z")).toISOString(), "2026-11-22T12:00:00.000Z");
  assert.equal(time(timed(0x17, "500101000000Z")).getUTCFullYear(), 1950);
  assert.equal(time(timed(0x18, "20491231235959Z")).getUTCFullYear(), 2049);
  for (const text of [
    "2611221200Z",
    "261122120000",
    "261122120000+0100",
    "261322120000Z",
    "260230120000Z",
    "261122240000Z",
    "",
  ]) {
    refuses(() => time(timed(0x17, text)));
  }
  for (const text of ["261122120000Z", "20261122120000.5Z", "20260229120000Z"]) refuses(() => time(timed(0x18, text)));
  refuses(() => time(der("0500")));
});

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { MalformedError } from "../../static/js/crypto/errors.js";
import { parseJson, unhex } from "../../static/js/crypto/encoding.js";

const cases = JSON.parse(await readFile(new URL("../cases/json.json", import.meta.url), "utf8"));

function bytesOf({ text, hex, repeat }) {
  if (hex !== undefined) return unhex(hex);
  return new TextEncoder().encode(repeat ? repeat[0].repeat(repeat[1]) : text);
}

for (const each of cases) {
  test(`${each.name} is ${each.ok ? "accepted" : "refused"}`, () => {
    const bytes = bytesOf(each);
    if (each.ok) assert.deepEqual(parseJson(bytes), JSON.parse(new TextDecoder().decode(bytes)));
    else assert.throws(() => parseJson(bytes), MalformedError);
  });
}

test("a text is parsed as its bytes are", () => {
  assert.deepEqual(parseJson('{"a":[1,"é"]}'), { a: [1, "é"] });
  assert.throws(() => parseJson('\ufeff{"a":1}'), MalformedError);
});

test("a long string with many escapes is parsed", () => {
  const value = { a: 'x\\"\n'.repeat(200_000), b: 1 };
  assert.deepEqual(parseJson(JSON.stringify(value)), value);
});

test("a member named __proto__ stays a member and changes no prototype", () => {
  const value = parseJson('{"__proto__":{"a":1}}');
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.ok(Object.hasOwn(value, "__proto__"));
});

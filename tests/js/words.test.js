import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { CHECKS } from "../../static/js/attestation/appraisal.js";
import { TRANSITIONS } from "../../static/js/models/transitions.js";
import { errorWords } from "../../static/js/lib/error_words.js";
import { checkFault, checkTitle, faultWords, hasWords, words } from "../../static/js/lib/words.js";

const PROTOCOL = await readFile(new URL("../../docs/PROTOCOL.md", import.meta.url), "utf8");

test("every check has its words, passed and failed", () => {
  for (const [id] of CHECKS) {
    assert.notEqual(checkTitle(id), id);
    assert.notEqual(checkFault(id), id);
  }
});

test("every code of the wire has its sentence", () => {
  const paragraphs = PROTOCOL.split("\n").filter((line) => /^\*\*Codes (in clear|inside)\.\*\*/.test(line));
  const codes = paragraphs.flatMap((line) => [...line.matchAll(/`(\w+)`/g)].map(([, code]) => code));
  assert.ok(codes.length > 25);
  assert.deepEqual(
    [...new Set(codes)].filter((code) => !hasWords(`fault.${code}`)),
    [],
  );
});

test("a code that is not known is named, and nothing more is claimed", () => {
  assert.match(faultWords("brand_new"), /brand_new/);
});

test("values are filled in once, and are not themselves filled", () => {
  assert.equal(words("check.unknown", { title: "{title}" }), "“{title}” could not be checked.");
});

test("nothing says that a server is secure or trusted", async () => {
  const files = ["page", "checks", "faults"].map(
    (name) => new URL(`../../static/js/lib/words/en/${name}.js`, import.meta.url),
  );
  for (const file of files) assert.doesNotMatch(await readFile(file, "utf8"), /\b(secure|trusted|oops)\b/i);
});

test("every state of a session that is shown has a word", () => {
  const shown = ["before", "checking", "verified", "warning", "failed", "unopened", "expired", "offline"];
  for (const state of shown) assert.ok(hasWords(`badge.${state}`), state);
  assert.equal(Object.keys(TRANSITIONS).length, 10);
});

test("an allowance that is used up says when it opens again", () => {
  const until = Date.UTC(2026, 10, 24) / 1000;
  assert.match(errorWords({ code: "quota_exhausted", until }), /(Mon|Tues)day/);
  assert.equal(errorWords({ code: "busy", until: null }), faultWords("busy"));
});

test("a mistake of this program, which has no code, is told without a place that nobody filled", () => {
  assert.doesNotMatch(faultWords(undefined), /\{/);
});

test("every text is shown with its values", async () => {
  const root = new URL("../../static/js/", import.meta.url);
  const names = (await readdir(root, { recursive: true })).filter((name) => name.endsWith(".js"));
  const sources = await Promise.all(names.map((name) => readFile(new URL(name, root), "utf8")));
  const shown = sources.flatMap((source) => [...source.matchAll(/\bwords\("([^"]+)"(?:, (\{[^}]*\}))?\)/g)]);
  assert.ok(shown.length > 80);
  for (const [, key, values = ""] of shown) {
    assert.ok(hasWords(key), key);
    for (const [, name] of words(key).matchAll(/\{(\w+)\}/g))
      if (!values.includes("...")) assert.match(values, new RegExp(`\\b${name}\\b`), key);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Sentences } from "../../static/js/lib/sentences.js";
import { quoted } from "../../static/js/lib/selection.js";
import { contextUse } from "../../static/js/models/context_use.js";

test("only whole sentences are said, each once, without the marks of Markdown", () => {
  const sentences = new Sentences();
  assert.equal(sentences.take("It **rai"), "");
  assert.equal(sentences.take("It **rains**. And [then](https://a.example) it"), "It rains.");
  assert.equal(sentences.take("It **rains**. And [then](https://a.example) it stops."), "And then it stops.");
  assert.equal(
    sentences.take("It **rains**. And [then](https://a.example) it stops. The end", { isOver: true }),
    "The end",
  );
});

test("Japanese and Chinese sentences end with their own marks", () => {
  assert.equal(new Sentences().take("雨が降る。そして"), "雨が降る。");
});

test("code is not read aloud", () => {
  const text = "So:\n```py\nx = 1. \n```\nThat is it.\n";
  assert.equal(new Sentences().take(text), "So: That is it.");
});

test("what is quoted begins each line with its sign, and leaves room to write", () => {
  assert.equal(quoted("one\ntwo\n"), "> one\n> two\n\n");
});

const answer = { text: "y".repeat(400), usage: { prompt_tokens: 100, completion_tokens: 50 }, isRunning: false };

test("the context is exact after an answer, and an estimate as soon as something is written", () => {
  const path = [{ text: "x".repeat(400) }, answer];
  const use = contextUse(path, { draft: "", system: "", limit: 8192 });
  assert.deepEqual(use, { tokens: 150, isExact: true, limit: 8192, leftOut: 0, files: 0, isPart: false });
  const next = contextUse(path, { draft: "z".repeat(40), system: "", limit: 8192 });
  assert.equal(next.isExact, false);
  assert.equal(next.tokens, 210, "as many bytes to a token as the model has counted here: 400 in 100");
});

test("files take room whole, or half of it for their passages, and images where the model sees", () => {
  const file = (tokens, kind = "pdf") => ({ attachment: `${kind} ${tokens}`, kind, tokens, pages: 2, name: "a" });
  const use = (waiting, more = {}) => contextUse([], { draft: "x", system: "", limit: 2048, waiting, ...more });
  assert.deepEqual([use([file(400)]).files, use([file(400)]).isPart], [381, false]);
  assert.deepEqual([use([file(9000)]).files, use([file(9000)]).isPart], [576, true]);
  assert.deepEqual([use([file(1, "image")]).files, use([file(1, "image")], { sees: true }).files], [0, 1000]);
  const path = [{ text: "?", attachments: [file(400)] }];
  assert.equal(contextUse(path, { draft: "x", system: "", limit: 2048, waiting: [file(400)] }).files, 381);
  const long = [{ text: "x".repeat(3200) }, ...path];
  assert.equal(contextUse(long, { draft: "", system: "", limit: 2048 }).leftOut, 1, "files leave less room");
});

test("messages that no longer fit are counted, the oldest first, as the server leaves them out", () => {
  const path = [{ text: "x".repeat(1000) }, { text: "x".repeat(1000) }, { text: "x".repeat(100) }];
  assert.equal(contextUse(path, { draft: "", system: "", limit: 512 }).leftOut, 1);
});

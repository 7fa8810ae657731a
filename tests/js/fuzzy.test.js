import assert from "node:assert/strict";
import { test } from "node:test";
import { fit, folded, ranked } from "../../static/js/lib/fuzzy.js";

const NAMES = [
  "New chat",
  "Temporary chat",
  "Your history key",
  "Rename",
  "Café au lait",
  "お気に入りの料理",
  "データ",
];

function best(query, names = NAMES) {
  const entries = names.map((name) => ({ name, text: folded(name) }));
  return ranked(query, entries)[0]?.name;
}

test("a word's beginning stands before letters in between", () => {
  assert.equal(best("na", ["Banana", "New name"]), "New name");
  assert.equal(best("chat"), "New chat");
});

test("letters in their order are enough, and words may change places", () => {
  assert.equal(best("tmpchat"), "Temporary chat");
  assert.equal(best("key hist"), "Your history key");
});

test("case, accents and width make no difference", () => {
  assert.equal(best("CAFE"), "Café au lait");
  assert.equal(best("ｃａｆｅ"), "Café au lait");
  assert.equal(best("ﾃﾞｰﾀ", ["デ"]), undefined);
  assert.equal(best("料理"), "お気に入りの料理");
});

test("what does not fit is not found, and letters far from each other do not fit", () => {
  assert.equal(best("xyz"), undefined);
  assert.equal(fit(folded("az"), folded(`a${"-".repeat(40)}z`)), null);
});

test("the places of what fits are those of the text as it is shown", () => {
  assert.deepEqual([...fit(folded("éa"), folded("Caféau")).places], [3, 4]);
});

test("what fits only beside the name comes last, or not at all", () => {
  const entries = [
    { name: "Rename", text: folded("Rename"), whole: folded("Rename This conversation") },
    { name: "Your conversations", text: folded("Your conversations") },
  ];
  const names = (query) => ranked(query, entries).map(({ name }) => name);
  assert.deepEqual(names("conversation"), ["Your conversations", "Rename"]);
  assert.deepEqual(names("rename conv"), ["Rename"]);
  assert.deepEqual(names("his"), ["Rename"]);
});

test("nothing typed fits everything alike", () => {
  assert.equal(fit(folded("  "), folded("anything")).places.size, 0);
});

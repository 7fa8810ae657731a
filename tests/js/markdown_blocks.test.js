import assert from "node:assert/strict";
import { test } from "node:test";
import { BlockReader } from "../../static/js/lib/markdown/blocks.js";
import { toHtml } from "../../static/js/lib/markdown/syntax.js";

const SAMPLE = `# Title

A paragraph with *emphasis*, \`code\`, a [link][a], a price of $5 and of $6, and $x^2$ and \\(y\\).
Its second line
===

- one
- two

  a second paragraph of two
  \`\`\`js
  let nested = 1;
  \`\`\`
- [ ] to do
- [x] done

3. three
4. four

| a | b |
|---|--:|
| 1 | 2 |
| $z$ | [a] |

> quoted
> - list in it
continued

\`\`\`python
def f():
    return "# no heading"

| no | table |
\`\`\`

$$
\\int_0^1 x\\,dx = \\frac{1}{2}
$$

\\[ a = b \\]

A claim.[^1] Another one.[^note] Not one.[^none]

***

<b onclick="alert(1)">raw</b>

    indented code

[a]: https://example.com "A title"

[^1]: The first note.
[^note]: The second
    with a second line and a [link][a].

The end`;

/** A chance that is the same in every run. */
function* numbers(seed) {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

const htmlOf = (blocks) => blocks.map(({ token }) => toHtml([token])).join("");

function atOnce(text) {
  return new BlockReader().read(text);
}

test("a text that grew piece by piece reads as if it had come at once", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const chance = numbers(seed);
    const reader = new BlockReader();
    for (let end = 0; end < SAMPLE.length;) {
      end += 1 + Math.floor(chance.next().value * (seed % 2 ? 9 : 120));
      reader.read(SAMPLE.slice(0, end), { isGrowing: true });
    }
    assert.equal(htmlOf(reader.read(SAMPLE)), htmlOf(atOnce(SAMPLE)), `seed ${seed}`);
  }
});

test("blocks that have ended keep their keys while the text grows", () => {
  const reader = new BlockReader();
  const first = reader.read("# One\n\nTwo\n\n- three\n\nfour", { isGrowing: true }).slice(0, 2);
  const later = reader.read("# One\n\nTwo\n\n- three\n\nfour and more\n\nfive", { isGrowing: true }).slice(0, 2);
  assert.deepEqual(
    first.map((block, i) => block === later[i]),
    [true, true],
  );
});

test("a long list is cut into lists that are numbered on", () => {
  const text = Array.from({ length: 2000 }, (_, i) => `${i + 1}. item ${i + 1}`).join("\n");
  const blocks = atOnce(text);
  assert.ok(blocks.length > 2);
  let expected = 1;
  for (const { token } of blocks) {
    assert.equal(token.start, expected);
    expected += token.items.length;
  }
  assert.equal(expected, 2001);
});

test("a long text is read in time that grows with it, not with its square", () => {
  const line = "word *word* `code` [x](https://a.example) ";
  for (const text of [line.repeat(1200), `- ${line}\n`.repeat(1200), `${line}\n\n`.repeat(1200)]) {
    const reader = new BlockReader();
    let slowest = 0;
    for (let end = 1024; end < text.length + 1024; end += 1024) {
      const started = performance.now();
      reader.read(text.slice(0, end), { isGrowing: true });
      if (end > 20_000) slowest = Math.max(slowest, performance.now() - started);
    }
    assert.ok(slowest < 150, `a piece took ${slowest} ms`);
  }
});

test("prices are not formulas, and formulas are", () => {
  assert.match(htmlOf(atOnce("It costs $5 or US$10, not $20.")), /\$5 or US\$10, not \$20/);
  assert.match(htmlOf(atOnce("So $a_b$ holds")), /<span class="formula">a_b<\/span>/);
  assert.match(htmlOf(atOnce("$$\na\n$$")), /<p class="formula is-block">a<\/p>/);
});

test("a formula that is still being written is shown as what it will be", () => {
  const reader = new BlockReader();
  assert.match(htmlOf(reader.read("So\n\n$$\na + ", { isGrowing: true })), /<p class="formula is-open">a \+<\/p>/);
  assert.match(htmlOf(reader.read("So\n\n$$\na + ")), /<p>\$\$/);
});

test("footnotes are numbered by where they are first mentioned, and only where they are defined", () => {
  const reader = new BlockReader();
  const html = htmlOf(reader.read("A[^b] and[^a] and[^c].\n\n[^a]: Of a.\n[^b]: Of b."));
  assert.match(html, /A<sup class="note-reference">1<\/sup> and<sup class="note-reference">2<\/sup> and\[\^c\]\./);
  assert.deepEqual(
    reader.notes.map(({ number, tokens }) => [number, toHtml(tokens).trim()]),
    [
      [1, "<p>Of b.</p>"],
      [2, "<p>Of a.</p>"],
    ],
  );
});

test("what is nested too deeply is shown as the text that it is", () => {
  assert.equal(atOnce(`${">".repeat(500)} deep`)[0].type, "plain");
});

test("HTML of a model stays text", () => {
  assert.doesNotMatch(htmlOf(atOnce('<img src=x onerror="alert(1)"> <b>x</b>')), /<(img|b)\b/);
});

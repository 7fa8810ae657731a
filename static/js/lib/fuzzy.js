/** How well a text fits what somebody types in a hurry: whole words first, then letters in their order. */

const AT_START = 100;
const AT_WORD = 80;
const INSIDE = 60;
const SCATTERED = 30;
const LESS = 60;
const FAR = 75;
const NOT_A_LETTER = /[^\p{L}\p{N}]/u;

/** A text to be looked in: its characters without case, width and accents, each in its own place. */
export function folded(text) {
  return [...text].map((character) => {
    const plain = character.normalize("NFKC").toLowerCase();
    return [...(/\p{Script=Latin}/u.test(plain) ? plain.normalize("NFD") : plain)][0];
  });
}

/**
 * Return those of `entries` that fit, the best first, each with its `score` and `places`. An entry has its `text`, and
 * may have a longer one, `whole`, that counts less; both are `folded`. What fits much worse than the best is left out.
 */
export function ranked(query, entries) {
  const letters = folded(query);
  const fitting = entries.map((entry) => ({ ...entry, ...(fit(letters, entry.text) ?? fitWhole(letters, entry)) }));
  const sorted = fitting.filter(({ score }) => score !== undefined).sort((a, b) => b.score - a.score);
  return sorted.filter(({ score }) => score > sorted[0].score - FAR);
}

function fitWhole(letters, { whole }) {
  const found = whole && fit(letters, whole);
  return found && { ...found, score: found.score - LESS };
}

/**
 * Return `{score, places}`, where `places` is the set of characters of `text` that fit, or null where some word of
 * `query` does not fit. Both are `folded`; the words of the query may stand in any order.
 */
export function fit(query, text) {
  const wanted = wordsOf(query);
  const found = wanted.map((word) => together(word, text) ?? scattered(word, text));
  if (found.includes(null)) return null;
  const score = found.reduce((sum, each) => sum + each.score, 0) / (wanted.length || 1);
  return { score: score - text.length / 50, places: new Set(found.flatMap(({ places }) => places)) };
}

function wordsOf(characters) {
  return characters
    .join("")
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => [...word]);
}

/** The best place where all characters stand side by side. */
function together(word, text) {
  let best = null;
  for (let i = text.indexOf(word[0]); i !== -1; i = text.indexOf(word[0], i + 1)) {
    if (!word.every((character, n) => text[i + n] === character)) continue;
    const score = i === 0 ? AT_START : NOT_A_LETTER.test(text[i - 1]) ? AT_WORD : INSIDE;
    if (score > (best?.score ?? 0)) best = { score, places: word.map((_, n) => i + n) };
  }
  return best;
}

/** The first places where the characters stand in their order; the nearer to each other the better. */
function scattered(word, text) {
  const places = [];
  for (const character of word) {
    const place = text.indexOf(character, (places.at(-1) ?? -1) + 1);
    if (place === -1) return null;
    places.push(place);
  }
  const gaps = places.at(-1) - places[0] + 1 - word.length;
  return gaps > 2 * word.length + 6 ? null : { score: SCATTERED - gaps, places };
}

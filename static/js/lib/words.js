/** Every visible string of the script, by key. The only door to words: elements ask here, models know none. */
import { CHECKS } from "./words/checks.js";
import { CONVERSATIONS } from "./words/conversations.js";
import { FAULTS } from "./words/faults.js";
import { PAGE } from "./words/page.js";
import { TRUST } from "./words/trust.js";
import { WRITING } from "./words/writing.js";

const WORDS = { ...PAGE, ...TRUST, ...CHECKS, ...FAULTS, ...WRITING, ...CONVERSATIONS };

/** Return the words of a key with `{name}`s filled in. An unknown key is a mistake in this program: it is shown. */
export function words(key, values = {}) {
  const text = WORDS[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function hasWords(key) {
  return Object.hasOwn(WORDS, key);
}

/** What went wrong, by its code: one sentence, and what to do. */
export function faultWords(code) {
  const key = `fault.${code}`;
  return hasWords(key) ? words(key) : words("fault.other", { code });
}

/** Why nothing can be sent: a check that did not pass, or a code. */
export function reasonWords({ code, check }) {
  if (!check) return faultWords(code);
  return check.status === "fail" ? checkFault(check.id) : words("check.unknown", { title: checkTitle(check.id) });
}

/** What a check claims; where hardware is simulated it is not Intel who vouches. */
export function checkTitle(id, { simulated = false } = {}) {
  const key = simulated && hasWords(`check.${id}.simulated`) ? `check.${id}.simulated` : `check.${id}`;
  return hasWords(key) ? words(key) : id;
}

export function checkFault(id) {
  return hasWords(`check.${id}.fails`) ? words(`check.${id}.fails`) : id;
}

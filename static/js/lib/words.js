/** Every visible string of the script, by key, in the reader's language. The only door to words: elements ask here. */
import { inLanguage } from "../language.js";

const { WORDS } = await inLanguage({
  en: () => import("./words/en.js"),
  ja: () => import("./words/ja.js"),
  "zh-hans": () => import("./words/zh-hans.js"),
});

/** Return the words of a key with `{name}`s filled in. An unknown key is a mistake in this program: it is shown. */
export function words(key, values = {}) {
  const text = WORDS[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function hasWords(key) {
  return Object.hasOwn(WORDS, key);
}

/** What went wrong, by its code: one sentence, and what to do. A mistake of this program has no code. */
export function faultWords(code) {
  const key = `fault.${code}`;
  if (hasWords(key)) return words(key);
  return code ? words("fault.other", { code }) : words("fault.unnamed");
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

/** What the checks say, in one sentence each, in the reader's language; no other is loaded. */
import { inLanguage } from "../language.js";

const { SENTENCES } = await inLanguage({
  en: () => import("./words/en.js"),
  ja: () => import("./words/ja.js"),
  "zh-hans": () => import("./words/zh-hans.js"),
});

/** What went wrong, by code; what that means for the reader is said by the page, by check. */
export const REASONS = SENTENCES.reasons;

export function sayPassed(name, params) {
  return fill(SENTENCES.passed[name], params);
}

export function sayFailed(code, params) {
  return fill(SENTENCES.reasons[code], params);
}

export function sayUnchecked(what) {
  return fill(SENTENCES.unchecked.sentence, { why: SENTENCES.unchecked[what] });
}

function fill(sentence, params) {
  return sentence.replace(/{(\w+)}/g, (_, name) => params[name]);
}

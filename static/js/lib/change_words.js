/** What is other than before, in words: a session that was proved brings news, one that was not an alarm. */
import { dateTime, list, shortened } from "./format.js";
import { words } from "./words.js";

const ENDS = 8;

/** The name of a value that was seen. */
export function seenName(name) {
  return words(`seen.${name}`);
}

/** What happened, where an affirmed session brought it: `{at, changes}`. */
export function newsWords({ changes }) {
  const release = changes.find(({ name }) => name === "release");
  if (release) return words("changes.release", { ...times(release), old: release.old, new: release.value });
  if (changes.some(({ name }) => name.endsWith("Key"))) return words("changes.key");
  return words("changes.known", { names: names(changes) });
}

/** What differs, where nothing known explains it. */
export function alarmWords(changes) {
  return words("changes.unproved", { names: names(changes) });
}

/** Which key changed: `kind` of a pin, and since when (ms) the one before was known. */
export function keyWords({ kind, pinned }) {
  return words(`changes.${kind}Key`, times(pinned));
}

/** One change as a fact: what it was, what it is, since when the former. */
export function changeFact({ name, old, value, since }) {
  const values = { old: shortened(old, ENDS), value: shortened(value, ENDS), ...times({ since }) };
  return [seenName(name), words("changes.one", values), false];
}

function names(changes) {
  return list(changes.map(({ name }) => seenName(name)));
}

function times({ since }) {
  return { since: dateTime(new Date(since)) };
}

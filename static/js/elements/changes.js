/** What is other than this browser saw before: red where nothing known explains it, quiet where a session proved it. */
import { alarmWords, changeFact, keyWords, newsWords } from "../lib/change_words.js";
import { make } from "../lib/dom.js";
import { fingerprintOf } from "../models/pins.js";
import { fillFacts } from "./facts.js";

/** Fill a box from the trust shown, `{pins, sightings}`; nothing new hides it. */
export function fillChanges(box, trust, { pins, sightings }) {
  const told = changedKeys(pins) ?? unproved(trust, sightings) ?? news(sightings);
  box.hidden = told === null;
  if (told === null) return box.replaceChildren();
  box.classList.toggle("is-alarm", told.isAlarm);
  const facts = make("dl", { className: "facts" });
  fillFacts(facts, told.changes.map(changeFact));
  box.replaceChildren(...told.texts.map((text) => make("p", { text })), facts);
}

function changedKeys(pins) {
  const changed = pins.filter(({ hasChanged }) => hasChanged);
  if (changed.length === 0) return null;
  const changes = changed.map(({ kind, pinned, offered }) => ({
    name: `${kind}Key`,
    old: fingerprintOf(pinned.key),
    value: fingerprintOf(offered),
    since: pinned.since,
  }));
  return { isAlarm: true, texts: changed.map(keyWords), changes };
}

/** A handshake that is not affirmed explains nothing: where it differs, that is why one should look twice. */
function unproved({ handshake }, sightings) {
  if (!handshake?.result || handshake.isAffirmed) return null;
  const changes = sightings.compare(handshake);
  return changes.length ? { isAlarm: true, texts: [alarmWords(changes)], changes } : null;
}

function news(sightings) {
  const found = sightings.last?.news;
  return found ? { isAlarm: false, texts: [newsWords(found)], changes: found.changes } : null;
}

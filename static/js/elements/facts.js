/** What a handshake shows of itself, as pairs of label and value in definition lists. */
import { make } from "../lib/dom.js";
import { dateTime, shortened } from "../lib/format.js";
import { words } from "../lib/words.js";
import { measurementsOf } from "../models/evidence.js";

/** Fill a definition list with `[label, value, isCode]`; `isShort` shortens digests and gives them whole as a title. */
export function fillFacts(list, facts, { isShort = false } = {}) {
  list.hidden = facts.length === 0;
  list.replaceChildren(
    ...facts.flatMap(([label, value, isCode]) => {
      const content = make(isCode ? "code" : "span", { text: isShort && isCode ? shortened(value) : value });
      if (isShort && isCode) content.title = value;
      return [make("dt", { text: label }), make("dd", { children: [content] })];
    }),
  );
}

/** The measurements and times that the card behind the badge shows. */
export function summaryFacts(handshake) {
  const measured = handshake?.result && measurementsOf(handshake.result);
  if (!measured) return [];
  return [
    ["MRTD", measured.mrTd, true],
    ...measured.rtmrs.map((value, i) => [`RTMR${i}`, value, true]),
    ["MRSEAM", measured.mrSeam, true],
    [words("fact.td_attributes"), measured.tdAttributes, true],
    ["XFAM", measured.xfam, true],
    [words("fact.report_data"), measured.reportData, true],
    [words("fact.tcb_status"), tcb(handshake.result), false],
    ...policyFacts(handshake.result),
    ...times(handshake),
  ];
}

/** The record in short: who, what and when. */
export function recordFacts(handshake) {
  const { record, result } = handshake;
  const { statement } = result;
  const served = statement && [
    [words("fact.release"), statement.releaseVersion, false],
    [words("fact.model"), `${statement.modelName} · ${statement.modelBackend}`, false],
  ];
  return [
    [words("fact.record"), record, true],
    ...times(handshake),
    [words("fact.tcb_status"), tcb(result), false],
    ...policyFacts(result),
    ...(served ?? []),
  ];
}

/** What this browser judged by. */
function policyFacts({ policy }) {
  return [
    [words("fact.policy"), policy.id, false],
    [words("fact.policy_digest"), policy.digest, true],
  ];
}

function times({ requestedAt, checkedAt, result }) {
  const known = [
    ["fact.requested", new Date(requestedAt)],
    ["fact.checked", new Date(checkedAt)],
    ["fact.valid_until", result.validUntil],
  ];
  return known.filter(([, date]) => date).map(([key, date]) => [words(key), dateTime(date), false]);
}

function tcb({ tcbStatus, advisories }) {
  const status = tcbStatus ?? words("fact.unknown");
  return advisories.length ? `${status} (${advisories.join(", ")})` : status;
}

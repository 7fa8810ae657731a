/** A handshake's evidence as names and texts, to be shown, copied and taken away. Judges nothing. */
import { parseCcel } from "../attestation/ccel.js";
import { describeEvent } from "../attestation/eventwords.js";
import { b64decode, fromUtf8, hex } from "../crypto/encoding.js";
import { entriesOf } from "./opinions.js";

const RTMRS = ["rtmr0", "rtmr1", "rtmr2", "rtmr3"];

/** Bits of TDATTRIBUTES that have names (Intel TDX module specification). */
const TD_ATTRIBUTES = { 0: "DEBUG", 28: "SEPT_VE_DISABLE", 29: "MIGRATABLE", 30: "PKS", 31: "KL", 63: "PERFMON" };

/** The measurements in a quote as hex, or null where it could not be read. */
export function measurementsOf({ quote }) {
  if (!quote) return null;
  const { mrTd, mrSeam, tdAttributes, xfam, reportData } = quote.report;
  const names = Object.entries(TD_ATTRIBUTES).filter(([bit]) => (tdAttributes[bit >> 3] >> (bit & 7)) & 1);
  return {
    mrTd: hex(mrTd),
    rtmrs: RTMRS.map((name) => hex(quote.report[name])),
    mrSeam: hex(mrSeam),
    tdAttributes: [hex(tdAttributes), ...names.map(([, name]) => name)].join(" "),
    xfam: hex(xfam),
    reportData: hex(reportData),
  };
}

/** Whether what runs on the machine was left out of the checks, as only a policy that accepts it may have it. */
export function isUnmeasured(handshake) {
  return Boolean(handshake?.result) && handshake.result.checks.every(({ id }) => id !== "td.workload");
}

/** Every field of the quote as `[name, text]`. */
export function quoteFields({ header, bodyType, report, qeReport }) {
  const named = { ...header, bodyType, ...report };
  for (const [name, value] of Object.entries(qeReport)) if (name !== "raw") named[`qe.${name}`] = value;
  return fieldsOf(named);
}

/** Every member of the statement as `[name, text]`. */
export function statementFields(statement) {
  const { gpu } = statement;
  return fieldsOf({ ...statement, gpu: gpu && [gpu.state, gpu.sha256 && hex(gpu.sha256)].filter(Boolean).join(" ") });
}

/** What came over the wire, as texts: `{statement, pck, collateral, token, events, raw}`, empty where there is none. */
export function evidenceTexts({ evidence, verdict, result }) {
  return {
    statement: readable(() => fromUtf8(b64decode(evidence.statement))),
    pck: readable(() => fromUtf8(result.quote.pckChain)),
    collateral: asText(evidence.collateral),
    token: entriesOf(verdict)
      .flatMap(({ token }) => (token ? [tokenText(token)] : []))
      .join("\n\n\n"),
    events: readable(() => eventLines(evidence.event_log)),
    gpu: evidence.gpu ? gpuText(evidence.gpu) : "",
    raw: asText({ evidence, verdict }),
  };
}

/** Every event of the machine's logs under its register, a line each. */
function eventLines({ ccel, aael }) {
  const boot = ccel ? parseCcel(b64decode(ccel)).map((event) => `RTMR${event.register}  ${describeEvent(event)}`) : [];
  const application = aael ? aael.split("\n").slice(1, -1) : [];
  return [...boot, ...application.map((line) => `RTMR3  ${line}`)].join("\n");
}

/** The bytes of the quote. */
export function quoteBytes({ evidence }) {
  return b64decode(evidence.quote);
}

/** One attestation as one structured line: digests and outcomes, no content. */
export function attestationLine({ record, conversation, result, verdict, requestedAt, checkedAt }) {
  return {
    record,
    conversation,
    outcome: result.outcome,
    policy: result.policy.digest,
    serviceOutcome: verdict.outcome,
    simulated: result.simulated,
    tcbStatus: result.tcbStatus,
    advisories: result.advisories,
    ...measurementsOf(result),
    release: result.statement?.releaseVersion ?? null,
    model: result.statement?.modelName ?? null,
    notPassed: result.checks.filter(({ status }) => status !== "pass").map(({ id, code }) => `${id}: ${code}`),
    requestedAt: new Date(requestedAt).toISOString(),
    tookMs: Math.round(checkedAt - requestedAt),
    validUntil: result.validUntil?.toISOString() ?? null,
  };
}

function fieldsOf(named) {
  const known = Object.entries(named).filter(([, value]) => value !== undefined && value !== null);
  return known.map(([name, value]) => [name, value instanceof Uint8Array ? hex(value) : String(value)]);
}

/** The token as it is, then its parts as the service wrote them; this does not verify them. */
function tokenText(token) {
  const parts = token.split(".").slice(0, 2);
  return [token, ...parts.map((part) => readable(() => asText(JSON.parse(fromUtf8(b64decode(part))))))].join("\n\n");
}

/** What came of the GPUs as it is, then what each of its tokens says; this does not verify them. */
function gpuText(text) {
  const { overall, devices } = readable(() => JSON.parse(text)) || {};
  return [text, ...[overall, ...Object.values(devices ?? {})].map((token) => tokenText(String(token)))].join("\n\n");
}

function asText(value) {
  return JSON.stringify(value, null, 2);
}

/** Evidence may be damaged: what cannot be read is shown as nothing. */
function readable(read) {
  try {
    return read();
  } catch {
    return "";
  }
}

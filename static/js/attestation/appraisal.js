/** Evidence, policy, expectation and time in; one result out. Does no I/O. As attestation/appraisal.py. */
import { equal } from "../crypto/encoding.js";
import { MalformedError } from "../crypto/errors.js";
import { opinionsOf } from "./answers.js";
import { checkFresh, checkKey, checkLog, checkNonce, checkOrigin, checkReportData } from "./checks/binding.js";
import { checkEndpoint } from "./checks/endpoint.js";
import { checkGpu } from "./checks/gpu.js";
import { checkChain, checkCollateral, checkParse, checkQe, checkSignature, checkTcb } from "./checks/hardware.js";
import { checkToken } from "./checks/service.js";
import { checkAttributes, checkMeasurements, checkPlatform } from "./checks/software.js";
import { checkWorkload } from "./checks/workload.js";
import { UncheckedError, isOfEvidence, readable } from "./errors.js";
import { parseEvidence } from "./evidence.js";
import { Examination } from "./examination.js";
import { acceptTcb } from "./grace.js";
import { policyDigest } from "./policy.js";
import { sayFailed, sayPassed, sayUnchecked } from "./words.js";

/** Every check in the order of docs/PROTOCOL.md section 3, with who speaks in it. */
export const CHECKS = [
  ["quote.parse", "hardware", checkParse],
  ["quote.chain", "hardware", checkChain],
  ["quote.collateral", "hardware", checkCollateral],
  ["quote.qe", "hardware", checkQe],
  ["quote.signature", "hardware", checkSignature],
  ["tcb.status", "hardware", checkTcb],
  ["platform.id", "hardware", checkPlatform],
  ["td.attributes", "hardware", checkAttributes],
  ["td.measurements", "hardware", checkMeasurements],
  ["td.workload", "derived", checkWorkload],
  ["model.endpoint", "derived", checkEndpoint],
  ["binding.report_data", "derived", checkReportData],
  ["binding.nonce", "derived", checkNonce],
  ["binding.key", "derived", checkKey],
  ["binding.origin", "derived", checkOrigin],
  ["binding.fresh", "derived", checkFresh],
  ["binding.log", "derived", checkLog],
  ["gpu.evidence", "asserted", checkGpu],
  ["verdict.token", "asserted", checkToken],
];

/**
 * Make every check, whether or not an earlier one failed, and decide the outcome: any failure makes it
 * `contraindicated`, else anything unknown `warning`.
 *
 * `message` is `attest.evidence` as parsed; what is no evidence at all fails `quote.parse`. `expectation` is `{nonce,
 * conversation, origin, suites, deploymentKey, now, elapsedS, loopback, logView}`, where null is not known and an empty
 * conversation is a question that named none; `releases` is what the server publishes; `answers` what attestation services said: `{name, token, jwks}`, each token a JWT or null. Returns
 * `{outcome, policy, checks, tcbStatus, advisories, opinions, quote, statement, simulated, validUntil, evaluatedAt}`; each check is `{id, status, source, code, detail, params}`.
 */
export async function appraise(message, { policy, expectation, releases, answers }) {
  const evidence = readEvidence(message);
  const subject = evidence && new Examination(evidence, { policy, expectation, releases, answers });
  if (subject) subject.opinions = opinionsOf(subject);
  const made = await Promise.all(CHECKS.map((check) => makeCheck(check, subject)));
  const checks = made.filter((check) => check !== null);
  const tcb = subject && (await readable(() => subject.tcb));
  return {
    outcome: decide(checks),
    policy: { id: policy.id, digest: await policyDigest(policy) },
    checks,
    tcbStatus: tcb?.status ?? null,
    advisories: tcb?.advisories ?? [],
    opinions: subject ? await subject.opinions : [],
    quote: subject && (await readable(() => subject.quote)),
    statement: subject && (await readable(() => subject.statement)),
    simulated: subject?.isSimulated ?? false,
    validUntil: subject && (await earliestEnd(subject)),
    evaluatedAt: expectation.now,
  };
}

function readEvidence(message) {
  try {
    return parseEvidence(message);
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

/** What one check found, or null where the protocol leaves it out. */
async function makeCheck([id, source, find], subject) {
  const check = (status, code, detail, params = {}) => ({ id, status, source, code, detail, params });
  if (subject === null) {
    if (id === "quote.parse") return check("fail", "quote_malformed", sayFailed("quote_malformed"));
    return check("unknown", "not_checked", sayUnchecked("report"));
  }
  try {
    const params = await find(subject);
    return params && check("pass", "", sayPassed(params.words ?? id, params), params);
  } catch (error) {
    if (error instanceof UncheckedError) return check("unknown", "not_checked", sayUnchecked(error.what));
    if (!isOfEvidence(error)) throw error;
    return check("fail", error.code, sayFailed(error.code, error.params), error.params);
  }
}

function decide(checks) {
  if (checks.some(({ status }) => status === "fail")) return "contraindicated";
  return checks.every(({ status }) => status === "pass") ? "affirming" : "warning";
}

/** When the first readable part of the evidence ceases to hold. */
async function earliestEnd(subject) {
  const chains = [() => subject.pckChain, () => subject.tcbInfoChain, () => subject.qeIdentityChain];
  const lists = [() => subject.rootCrl, () => subject.pckCrl, () => subject.tcbInfo, () => subject.qeIdentity];
  const statement = await readable(() => subject.statement);
  const named = statement && (await subject.releases).find(({ digest }) => equal(digest, statement.releaseDigest));
  const certificates = (await Promise.all(chains.map(readable))).flatMap((chain) => chain ?? []);
  const { policy, expectation } = subject;
  const grace = await readable(async () => acceptTcb(await subject.tcb, policy, expectation.now));
  const dates = [
    ...(grace ? [grace] : []),
    ...certificates.map(({ notAfter }) => notAfter),
    ...(await Promise.all(lists.map(readable))).flatMap((list) => list?.nextUpdate ?? []),
    ...[statement, named].flatMap((item) => (item && !item.isRefused ? item.expiresAt * 1000 : [])),
  ];
  return dates.length ? new Date(Math.min(...dates)) : null;
}

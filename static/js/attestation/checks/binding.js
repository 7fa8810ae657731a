/** Was the report made for this very request? `binding.*`. */
import { equal } from "../../crypto/encoding.js";
import { KEY_SIZES } from "../../crypto/suites.js";
import { UncheckedError, expect, given } from "../errors.js";
import { hasSignedEd25519, sha256 } from "../signatures.js";
import { deploymentMessage, reportData } from "../statement.js";

/** The quote carries the hash of the statement's exact bytes. */
export async function checkReportData(subject) {
  const { report } = await given("report", subject.quote);
  expect(equal(report.reportData, await reportData(subject.evidence.statement)), "report_data_differs");
  return {};
}

/** It answers this request, for this conversation. */
export async function checkNonce(subject) {
  const statement = await given("statement", subject.statement);
  const { nonce, conversation } = subject.expectation;
  expect(!isKnown(nonce) || equal(statement.nonce, nonce), "nonce_differs");
  expect(!isKnown(conversation) || statement.conversation === (conversation || null), "conversation_differs");
  needs(isKnown(nonce) && isKnown(conversation), "request");
  return {};
}

/** The key to seal to is the one in the statement, of the first suite offered. */
export async function checkKey(subject) {
  const { kemSuite: suite, kemKeySha256 } = await given("statement", subject.statement);
  const { kemKey } = subject.evidence;
  const { suites } = subject.expectation;
  expect(equal(await sha256(kemKey), kemKeySha256), "key_differs");
  const size = Object.hasOwn(KEY_SIZES, suite) ? KEY_SIZES[suite] : null;
  expect(size === null || kemKey.length === size, "key_size", { suite });
  expect(size !== null && (!isKnown(suites) || suites[0] === suite), "suite_differs");
  needs(isKnown(suites), "suites");
  return { suite };
}

/** The client's own origin, and the deployment whose log key it pinned. */
export async function checkOrigin(subject) {
  const statement = await given("statement", subject.statement);
  const { origin, deploymentKey } = subject.expectation;
  const { deploymentSig, statement: bytes } = subject.evidence;
  expect(!isKnown(origin) || statement.origin === origin, "origin_differs", { origin: statement.origin });
  const isSigned = isKnown(deploymentKey)
    ? await hasSignedEd25519(deploymentKey, deploymentSig, deploymentMessage(bytes))
    : null;
  expect(isSigned !== false, "deployment_signature");
  needs(isKnown(origin) && isSigned, "operator");
  return { origin };
}

/** A short life, now within it, and a short wait. */
export async function checkFresh(subject) {
  const { issuedAt, expiresAt } = await given("statement", subject.statement);
  const { maxLifetimeS, clockSkewS } = subject.policy;
  const { elapsedS } = subject.expectation;
  const now = subject.expectation.now.getTime() / 1000;
  expect(expiresAt > issuedAt && expiresAt - issuedAt <= maxLifetimeS, "lifetime_too_long");
  expect(now >= issuedAt - clockSkewS, "not_yet_valid");
  expect(now <= expiresAt + clockSkewS, "expired");
  needs(isKnown(elapsedS), "elapsed");
  expect(elapsedS <= maxLifetimeS, "answered_too_late");
  return { seconds: Math.max(0, Math.floor(now) - issuedAt) };
}

/** No earlier view of this log, or an equal one; left out (null) where it has grown, which the opening proves. */
export async function checkLog(subject) {
  const { logOrigin, logSize, logRoot } = await given("statement", subject.statement);
  const view = subject.expectation.logView;
  expect(logSize > 0 || equal(logRoot, await sha256(new Uint8Array())), "log_differs");
  if (!isKnown(view) || view.origin !== logOrigin) return { words: "binding.log.unseen" };
  expect(logSize >= view.size, "log_differs");
  if (logSize > view.size) return null;
  expect(equal(logRoot, view.root), "log_differs");
  return {};
}

function isKnown(value) {
  return value !== null && value !== undefined;
}

function needs(condition, what) {
  if (!condition) throw new UncheckedError(what);
}

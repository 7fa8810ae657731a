/** Was what runs in there measured, and is all of it the release's? `td.workload`, and RTMR3 for `td.measurements`. */
import { equal, hex } from "../../crypto/encoding.js";
import { MalformedError } from "../../crypto/errors.js";
import { APPLICATION_REGISTER } from "../ccel.js";
import { AppraisalError, UncheckedError, expect, given } from "../errors.js";
import { coveredBy, isOfApplication, replay } from "../eventlog.js";
import { judgeEvents, lastMeasured, requireUnchanged } from "../workload.js";

/** Application, model server and model were measured, as far as the policy asks, and every event is the release's. */
export async function checkWorkload(subject) {
  const { report } = await given("report", subject.quote);
  const log = await readLog(subject);
  for (const event of log.boot) await requireUnchanged(log, event);
  if (!log.events.some(isOfApplication)) {
    await requireReplay(log, report);
    return unmeasured(subject, "workload");
  }
  const release = await namedRelease(subject);
  await judgeEvents(log, release);
  await requireReplay(log, report);
  return requireAll(subject, log, release);
}

/** Require RTMR3 to be the replay of a log whose every event the release allows. */
export async function explainRtmr3(subject, report, release) {
  const log = await given("eventLog", subject.eventLog);
  await judgeEvents(log, release);
  const replayed = (await replay(log.events))[APPLICATION_REGISTER];
  expect(equal(replayed, report.rtmr3), "measurements_differ", { names: "RTMR3" });
}

/** Leave the check out where the policy accepts that; what was measured is judged nevertheless. */
function unmeasured({ policy }, what) {
  if (policy.workload === "accept-unmeasured") return null;
  throw new UncheckedError(what);
}

async function readLog(subject) {
  try {
    return await subject.eventLog;
  } catch (error) {
    throw error instanceof MalformedError ? new AppraisalError("event_log_malformed") : error;
  }
}

async function namedRelease(subject) {
  const { releaseDigest } = await given("statement", subject.statement);
  const releases = await subject.releases;
  const release = releases.find(({ digest, isRefused }) => !isRefused && equal(digest, releaseDigest));
  if (!release) throw new UncheckedError("release");
  return release;
}

/** Compare the log's end with the processor's registers. */
async function requireReplay(log, report) {
  const replayed = await replay(log.events);
  const differing = coveredBy(log).filter((index) => !equal(replayed[index], report[`rtmr${index}`]));
  expect(!differing.length, "event_log_differs", { names: differing.map((index) => `RTMR${index}`).join(", ") });
}

async function requireAll(subject, log, { version, digest }) {
  const { modelName, modelDigest } = await given("statement", subject.statement);
  const [application, server] = [lastMeasured(log, "application"), lastMeasured(log, "model-server")];
  const model = lastMeasured(log, "model", modelName);
  expect(!model || model.manifest === modelDigest, "model_differs", { model: modelName, version });
  const isOther = application && application.release !== `sha256:${hex(digest)}`;
  expect(!isOther, "application_differs", { names: application?.release });
  if (!application || !server || !model) return unmeasured(subject, "parts");
  return { version, server: server.server, model: modelName };
}

/** Whether a platform's standing is accepted, and until when. As attestation/grace.py. */
import { AppraisalError } from "./errors.js";

const DAY_MS = 86_400_000;
// Statuses that only say that a repair is missing, and what a policy must accept of the repaired platform.
const REPAIRED = {
  OutOfDate: "UpToDate",
  TDRelaunchAdvised: "UpToDate",
  OutOfDateConfigurationNeeded: "ConfigurationNeeded",
  TDRelaunchAdvisedConfigurationNeeded: "ConfigurationNeeded",
};

/** Until when Intel's word is accepted, null where no grace had to be given. Throws AppraisalError. */
export function acceptTcb(verdict, policy, now) {
  const ends = [acceptStatus(verdict, policy, now), ...acceptAdvisories(verdict, policy, now)].filter(Boolean);
  return ends.length ? new Date(Math.min(...ends)) : null;
}

function acceptStatus({ status, advisories, outdatedSince }, policy, now) {
  const accepted = policy.acceptedTcbStatuses;
  const params = { status, advisories: advisories.join(", ") || "–" };
  if (status === "Revoked") throw new AppraisalError("tcb_refused", params);
  if (accepted.includes(status)) return null;
  const canWait = outdatedSince && Object.hasOwn(REPAIRED, status) && accepted.includes(REPAIRED[status]);
  const end = canWait ? graceEnd(outdatedSince, policy.outOfDateGraceDays, now) : null;
  if (!end) throw new AppraisalError("tcb_refused", params);
  return end;
}

function acceptAdvisories({ advisories, repaired }, policy, now) {
  const { acceptedAdvisories, refusedAdvisories, advisoryGraceDays } = policy;
  const inQuestion = advisories.filter((name) => acceptedAdvisories && !acceptedAdvisories.includes(name));
  const ends = new Map(inQuestion.map((name) => [name, graceEnd(repaired.get(name), advisoryGraceDays, now)]));
  const refused = advisories.filter((name) => refusedAdvisories.includes(name) || ends.get(name) === null);
  if (refused.length) throw new AppraisalError("advisory_refused", { advisories: refused.sort().join(", ") });
  return [...ends.values()];
}

/** When a grace ends that still runs, else null; none of zero days ever does. */
function graceEnd(since, days, now) {
  if (!since || !days) return null;
  const end = new Date(since.getTime() + days * DAY_MS);
  return now <= end ? end : null;
}

/** What the badge may say: one pure function of where the session stands. */
import { disputeOf, servicesOf } from "./opinions.js";

/** Refusals that speak against the server; after any other one the session just did not open. */
const AGAINST = new Set(["service_differs", "session_mismatch", "refused_by_policy", "appraisal_failed"]);

const ASKING = new Set(["requesting", "checking", "opening", "proving"]);

/**
 * Return `{state, handshake, reason, isRisk, simulated, dispute, services, checkedAt, validUntil}`. `state` is one of
 * `before`, `checking`, `verified`, `warning`, `failed`, `unopened`, `expired`, `offline`; green (`verified`) needs a
 * session that is proved, holds now, and was opened on an affirming outcome. Where those who checked do not agree, it is
 * `failed`.
 */
export function trustOf(session) {
  const { held, handshake, reason } = session;
  const shown = held?.handshake ?? handshake;
  const result = shown?.result ?? null;
  const dispute = result === null ? null : disputeOf(shown);
  return {
    state: disputed(stateOf(session), dispute),
    handshake: shown,
    reason,
    isRisk: held?.isRisk ?? false,
    simulated: result?.simulated ?? false,
    dispute,
    services: result === null ? [] : servicesOf(shown),
    checkedAt: shown?.checkedAt ?? null,
    validUntil: result?.validUntil ?? null,
  };
}

function disputed(state, dispute) {
  return state === "warning" && dispute ? "failed" : state;
}

function stateOf({ state, held, reason }) {
  if (held !== null && (state === "ready" || ASKING.has(state))) return isGreen(held) ? "verified" : "warning";
  if (ASKING.has(state)) return "checking";
  if (state === "deciding") return "warning";
  if (state === "stale" || state === "ready") return "expired";
  if (state === "refused") return reason?.check || AGAINST.has(reason?.code) ? "failed" : "unopened";
  return reason ? "offline" : state === "connecting" ? "checking" : "before";
}

function isGreen({ isRisk, handshake }) {
  return !isRisk && handshake.isAffirmed;
}

/** Say whether words may be sent now; renewal in the background does not keep them back for long. */
export function maySend(session) {
  return session.held !== null;
}

/** What the badge says, made of what the session knows. */
import { ago, clockTime } from "./format.js";
import { disagreementWords } from "./service_words.js";
import { reasonWords, words } from "./words.js";

const MARKS = { verified: "tick", failed: "cross" };

/** The shield of a state; what is simulated is hatched. */
export function markOf({ state, simulated }) {
  if (state === "verified" && simulated) return "tick-simulated";
  return MARKS[state] ?? "clock";
}

/** The short word of a state. */
export function badgeWord({ state, simulated }) {
  return words(state === "verified" && simulated ? "badge.verified.simulated" : `badge.${state}`);
}

/** One sentence: what was found, or what happened. */
export function trustSentence(trust) {
  const sentence = stateSentence(trust);
  const { dispute, reason } = trust;
  if (!dispute) return sentence;
  const isSaid = reason?.code === "service_differs" || reason?.check?.id === "verdict.token";
  return isSaid ? disputeWords(trust) : `${disputeWords(trust)} ${sentence}`;
}

function stateSentence({ state, simulated, reason, isRisk, checkedAt }) {
  if (state === "verified" && simulated) return words("trust.verified.simulated");
  if (state === "verified") return words("trust.verified", { ago: ago(checkedAt) });
  if (isRisk) return words("trust.warning.accepted");
  if (state === "warning" || state === "failed") return words(`trust.${state}`, { reason: reasonWords(reason) });
  return reason && state !== "checking" ? reasonWords(reason) : words(`trust.${state}`);
}

/** The same beside the badge, where there is one line. */
export function briefSentence(trust) {
  if (trust.isRisk) return words("trust.brief.accepted");
  if (trust.state === "offline") return words("trust.brief.offline");
  if (trust.state !== "verified" || trust.dispute) return trustSentence(trust);
  return words(trust.simulated ? "trust.brief.simulated" : "trust.brief", { ago: ago(trust.checkedAt) });
}

/** Who does not agree with whom: where those who checked differ, that is the headline. */
function disputeWords({ dispute, handshake, services }) {
  if (dispute === "service") return disagreementWords(services);
  const [mine, theirs] = [handshake.result, handshake.verdict].map(({ outcome }) => words(`outcome.${outcome}`));
  return words("trust.dispute.server", { mine, theirs });
}

/** Until when what was found holds. */
export function validityWords({ state, validUntil }) {
  if (state !== "verified" && state !== "warning") return words("trust.ended");
  return validUntil ? words("trust.until", { time: clockTime(validUntil) }) : "";
}

/** What the attestation service is called, and what it said. */
import { shortened } from "./format.js";
import { hasWords, words } from "./words.js";

const LONGEST = 30;

/** Who it is, by the server's words. */
export function whoWords({ kind, url, issuer, name }) {
  if (kind === "embedded") return words("service.embedded", { issuer: shortened(issuer, LONGEST) });
  const named = { kind, url, issuer, name: name || kind };
  for (const name of Object.keys(named)) named[name] = shortened(named[name], LONGEST);
  return words("service.remote", named);
}

/** What it said, as this browser found it. */
export function saidWords({ said, detail, error }) {
  return words(`service.${said}`, { detail, error: errorWords(error) });
}

/** Why there is no answer, in words where the code is known. */
function errorWords(error) {
  const key = `service.error.${error}`;
  return hasWords(key) ? words(key) : shortened(error || "—", LONGEST);
}

/** Who does not agree with whom among services of which one, at least, does not affirm. */
export function disagreementWords(services) {
  const against = services.find(({ said }) => said === "refuses" || said === "not_genuine");
  const agreeing = services.filter(({ said }) => said === "affirms").map(nameOf);
  const values = { name: nameOf(against), said: saidWords(against), agreeing: agreeing.join(", ") };
  return words(agreeing.length ? "trust.dispute.services" : "trust.dispute.service", values);
}

function nameOf({ name, issuer }) {
  return shortened(name || issuer, LONGEST);
}

/** Whether its token was verified here; empty where what it said tells that already. */
export function tokenWords({ said, isVerified }) {
  if (said === "affirms" || said === "unpinned") return "";
  return words(isVerified ? "service.verified" : "service.unverified");
}

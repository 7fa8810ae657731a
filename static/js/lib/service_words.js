/** What the attestation service is called, and what it said. */
import { shortened } from "./format.js";
import { words } from "./words.js";

const LONGEST = 30;

/** Who it is, by the server's words. */
export function whoWords({ kind, url, issuer }) {
  if (kind === "embedded") return words("service.embedded", { issuer: shortened(issuer, LONGEST) });
  const named = { kind, url, issuer };
  for (const name of Object.keys(named)) named[name] = shortened(named[name], LONGEST);
  return words("service.remote", named);
}

/** What it said, as this browser found it. */
export function saidWords({ said, check, error }) {
  return words(`service.${said}`, { detail: check?.detail ?? "", error: shortened(error || "—", LONGEST) });
}

/** Whether its token was verified here; empty where what it said tells that already. */
export function tokenWords({ said, isVerified }) {
  if (said === "affirms" || said === "unpinned") return "";
  return words(isVerified ? "service.verified" : "service.unverified");
}

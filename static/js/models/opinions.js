/** Who said what of one handshake: this browser, the server, the attestation services; and whether they agree. */

const TOKEN = "verdict.token";
const DISPUTING = ["refuses", "not_genuine"];

/**
 * What each attestation service said, as this browser found it from the service's own token: `{said, isVerified, detail,
 * name, kind, url, issuer, error}`. `said` is `affirms`, `refuses`, `unavailable`, `not_genuine`, `unread` (the report
 * itself could not be read) or `unpinned` (this page pins no key of a service). `kind` and `url` are the server's words,
 * for display, as are all names of one that is not pinned; `isVerified` says whether the token is signed by a pinned key,
 * for us and now.
 */
export function servicesOf({ result, verdict }) {
  const entries = entriesOf(verdict);
  if (!result.opinions.length) return entries.map((entry) => described(entry, { said: "unpinned" }));
  return result.opinions.map(({ issuer, code, detail, answer }) => {
    const entry = entries[answer] ?? entries.find(({ verifier }) => verifier.name === issuer.name) ?? null;
    const said = saidBy(code, entry?.error);
    const isVerified = ["", "token_claims", "not_checked"].includes(code);
    return described(entry, { said, isVerified, detail, name: issuer.name, issuer: issuer.issuer ?? issuer.name });
  });
}

/** What a server passes on from its services: the first one's answer, and those of further ones. */
export function entriesOf(verdict) {
  return [verdict, ...(verdict.others ?? [])].map(({ verifier, token, error }) => ({ verifier, token, error }));
}

function described(entry, known) {
  const { kind, url, issuer, name } = entry?.verifier ?? {};
  const error = entry?.error ? String(entry.error.code) : "";
  const texts = { kind, url, issuer, name };
  for (const key of Object.keys(texts)) texts[key] = String(texts[key] ?? "");
  return { ...texts, error, isVerified: false, detail: "", ...known };
}

function saidBy(code, error) {
  if (code === "") return "affirms";
  if (code === "not_checked") return "unread";
  if (code === "token_missing") return error?.code === "service_refused" ? "refuses" : "unavailable";
  return code === "token_claims" ? "refuses" : "not_genuine";
}

/**
 * Where those who checked do not agree: `server` (its outcome is another than this browser's), `service` (nothing else
 * is wrong, and a service does not affirm, or its answer is not its own), or null.
 */
export function disputeOf(handshake) {
  const { result, verdict } = handshake;
  if (result.outcome !== verdict.outcome) return "server";
  const isElseGood = result.checks.every(({ id, status }) => id === TOKEN || status === "pass");
  return isElseGood && servicesOf(handshake).some(({ said }) => DISPUTING.includes(said)) ? "service" : null;
}

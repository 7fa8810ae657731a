/** Who said what of one handshake: this browser, the server, the attestation service; and whether they agree. */

const TOKEN = "verdict.token";

/**
 * What the attestation service said, as this browser found it from the service's own token: `{said, isVerified, check,
 * kind, url, issuer, error}`. `said` is `affirms`, `refuses`, `unavailable`, `not_genuine`, `unread` (the report itself
 * could not be read) or `unpinned` (this page pins no key of a service). `kind`, `url` and `issuer` are the server's
 * words, for display; `isVerified` says whether the token is signed by the pinned key, for us and now.
 */
export function serviceOf({ result, verdict }) {
  const check = result.checks.find(({ id }) => id === TOKEN) ?? null;
  const said = saidBy(check, verdict.error);
  const { kind, url, issuer } = verdict.verifier;
  return {
    said,
    isVerified: check?.status === "pass" || check?.code === "token_claims",
    check,
    kind: String(kind ?? ""),
    url: String(url ?? ""),
    issuer: String(check?.params?.issuer ?? issuer ?? ""),
    error: verdict.error ? String(verdict.error.code) : "",
  };
}

function saidBy(check, error) {
  if (check === null) return "unpinned";
  if (check.status !== "fail") return check.status === "pass" ? "affirms" : "unread";
  if (check.code === "token_missing") return error?.code === "service_refused" ? "refuses" : "unavailable";
  return check.code === "token_claims" ? "refuses" : "not_genuine";
}

/**
 * Where those who checked do not agree: `server` (its outcome is another than this browser's), `service` (it alone does
 * not affirm, or its answer is not its own), or null.
 */
export function disputeOf(handshake) {
  const { result, verdict } = handshake;
  if (result.outcome !== verdict.outcome) return "server";
  const isAlone = result.checks.every(({ id, status }) => (id === TOKEN) === (status !== "pass"));
  return isAlone && ["refuses", "not_genuine"].includes(serviceOf(handshake).said) ? "service" : null;
}

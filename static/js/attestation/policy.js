/** What this page accepts, made from what it was started with and never from evidence. Nothing has a default. */
import { b64decode, unhex } from "../crypto/encoding.js";
import { Members } from "./members.js";
import { parseVersion } from "./release.js";

// Intel SGX Root CA, https://certificates.trustedservices.intel.com/IntelSGXRootCA.der
export const INTEL_ROOT_SHA256 = unhex("44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3");
const MAX_LIFETIME_S = 600;
const CLOCK_SKEW_S = 120;

/**
 * The policy in a page's configuration (docs/PROTOCOL.md section 8). A simulator's root counts only where the page was
 * started for development. Throws MalformedError where a member is missing or of another form.
 */
export function policyFrom(config) {
  const members = new Members(config);
  const trust = members.nested("trust");
  const isSimulated = members.flag("development") && !trust.isNull("simulator_root_sha256");
  parseVersion(trust.text("min_release_version"));
  return {
    enforcement: members.choice("policy", ["require", "warn"]),
    rootSha256: [INTEL_ROOT_SHA256],
    simulatorRootSha256: isSimulated ? trust.hex("simulator_root_sha256", 32) : null,
    acceptedTcbStatuses: trust.texts("accepted_tcb_statuses"),
    refusedAdvisories: trust.texts("refused_advisories"),
    minTcbEvaluationDataNumber: trust.integer("min_tcb_evaluation_data_number"),
    serviceTds: trust.texts("service_tds").map((text) => unhex(text, 48)),
    minReleaseVersion: trust.text("min_release_version"),
    releaseKey: b64decode(trust.text("release_key"), 32),
    tokenIssuer: trust.isNull("token") ? null : tokenIssuer(trust.nested("token")),
    maxLifetimeS: MAX_LIFETIME_S,
    clockSkewS: CLOCK_SKEW_S,
  };
}

/** Tell whether a host (as in `location.hostname`) is this very computer: localhost, 127.0.0.0/8 or [::1]. */
export function isLoopback(host) {
  return /^(localhost|127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}|\[::1\])$/.test(host);
}

function tokenIssuer(members) {
  return {
    issuer: members.text("issuer"),
    audience: members.text("audience"),
    algorithm: members.text("algorithm"),
    key: members.object("key"),
    leewayS: CLOCK_SKEW_S,
  };
}

/** What this page accepts and whom it believes, made from what it was started with and never from evidence. */
import { b64decode, hex, unhex, utf8 } from "../crypto/encoding.js";
import { requireForm } from "../crypto/errors.js";
import { Members } from "./members.js";
import { MEASUREMENTS, PLATFORMS, parseVersion } from "./release.js";
import { sha256 } from "./signatures.js";

// Intel SGX Root CA, https://certificates.trustedservices.intel.com/IntelSGXRootCA.der
export const INTEL_ROOT_SHA256 = unhex("44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3");
const VERSION = "confchat/1 policy";
const MAX_LIFETIME_S = 600;
const MAX_SKEW_S = 120;
const MAX_TOKEN_LIFETIME_S = 86_400;
const TOKEN_LEEWAY_S = 120;
const MAX_GRACE_DAYS = 1000;
const LEAST_MEASUREMENTS = ["mr_td", "rtmr1", "rtmr2", "rtmr3"];

/**
 * Policy and trust of a page's configuration (docs/PROTOCOL.md sections 8 and 11). A simulator's root counts only where
 * the page was started for development. Throws MalformedError where a member is missing, unknown or of another form.
 */
export function policyFrom(config) {
  const members = new Members(config);
  const trust = members.nested("trust");
  const isSimulated = members.flag("development") && !trust.isNull("simulator_root_sha256");
  return {
    ...parsePolicy(members.object("policy")),
    rootSha256: [INTEL_ROOT_SHA256],
    simulatorRootSha256: isSimulated ? trust.hex("simulator_root_sha256", 32) : null,
    releaseKey: b64decode(trust.text("release_key"), 32),
    gpuKeys: trust.objects("gpu_keys").map(gpuKey),
    tokenIssuers: trust.objects("tokens").map(tokenIssuer),
  };
}

/** The members of a policy's file, each read as attestation/policy.py names it. Throws MalformedError. */
export function parsePolicy(object) {
  const members = new Members(object).exactly("v", ...Object.keys(READERS));
  requireForm(members.text("v") === VERSION);
  const entries = Object.entries(READERS).map(([name, read]) => [camelCase(name), read(members, name)]);
  const policy = Object.fromEntries(entries);
  parseVersion(policy.minReleaseVersion);
  requireForm(policy.releasePlatforms.every((name) => PLATFORMS.includes(name)));
  requireForm(LEAST_MEASUREMENTS.every((name) => policy.releaseMeasurements.includes(name)));
  requireForm(policy.releaseMeasurements.every((name) => MEASUREMENTS.some(([known]) => known === name)));
  return { ...policy, members: object };
}

/** `sha256:` and the digest by which records name a policy: over its members, sorted, without white space. */
export async function policyDigest({ members }) {
  const sorted = Object.keys(members)
    .sort()
    .map((name) => [name, Array.isArray(members[name]) ? [...members[name]].sort() : members[name]]);
  const canonical = JSON.stringify(Object.fromEntries(sorted));
  return `sha256:${hex(await sha256(utf8(`${VERSION}\0${canonical}`)))}`;
}

/** Tell whether a host (as in `location.hostname`) is this very computer: localhost, 127.0.0.0/8 or [::1]. */
export function isLoopback(host) {
  return /^(localhost|127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}|\[::1\])$/.test(host);
}

const text = (members, name) => members.text(name);
const texts = (members, name) => members.texts(name);
const choice =
  (...among) =>
  (members, name) =>
    members.choice(name, among);
const number = (limit) => (members, name) => {
  const value = members.integer(name, limit);
  requireForm(value >= 0);
  return value;
};
const bytes = (size) => (members, name) => members.hex(name, size);
const listOfBytes = (size) => (members, name) => members.texts(name).map((each) => unhex(each, size));
const orNull = (read) => (members, name) => (members.isNull(name) ? null : read(members, name));

const READERS = {
  id: text,
  description: text,
  enforcement: choice("require", "warn"),
  accepted_tcb_statuses: texts,
  out_of_date_grace_days: number(MAX_GRACE_DAYS),
  accepted_advisories: orNull(texts),
  refused_advisories: texts,
  advisory_grace_days: number(MAX_GRACE_DAYS),
  min_tcb_evaluation_data_number: number(),
  allowed_td_attributes: bytes(8),
  allowed_xfam: bytes(8),
  mr_seams: orNull(listOfBytes(48)),
  mr_signer_seams: listOfBytes(48),
  service_tds: listOfBytes(48),
  platform_ids: orNull(listOfBytes(16)),
  min_release_version: text,
  release_platforms: texts,
  release_measurements: texts,
  workload: choice("require", "accept-unmeasured"),
  gpu: choice("ignore", "confidential-if-present", "require", "require-confidential"),
  verifiers: texts,
  quorum: choice("any", "all"),
  max_lifetime_s: number(MAX_LIFETIME_S),
  clock_skew_s: number(MAX_SKEW_S),
};

function camelCase(name) {
  return name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
}

function gpuKey(members) {
  return Object.fromEntries(["kty", "crv", "x", "y"].map((name) => [name, members.text(name)]));
}

/** An attestation service as attestation/issuer.py pins it. Throws MalformedError. */
export function tokenIssuer(members) {
  return {
    name: members.text("name"),
    form: members.choice("form", ["ear", "simple", "oidc", "trust-authority"]),
    issuer: orNull(text)(members, "issuer"),
    audience: orNull(text)(members, "audience"),
    algorithm: members.text("algorithm"),
    keys: members.list("keys"),
    rootSha256: listOfBytes(32)(members, "root_sha256"),
    policies: members.texts("policies"),
    maxLifetimeS: members.integer("max_lifetime_s", MAX_TOKEN_LIFETIME_S),
    leewayS: TOKEN_LEEWAY_S,
  };
}

/**
 * What a genuine token says, in each form in which services write: of which report, and what it makes of it. As
 * attestation/token_claims.py.
 */
import { concat, equal, fromBase64Strict, hex, parseJson } from "../crypto/encoding.js";
import { MalformedError, requireForm } from "../crypto/errors.js";
import { AppraisalError, expect } from "./errors.js";

// Members of Trustee's claims and what they name in a TD report.
const NAMED = {
  report_data: "reportData",
  mr_td: "mrTd",
  rtmr_0: "rtmr0",
  rtmr_1: "rtmr1",
  rtmr_2: "rtmr2",
  rtmr_3: "rtmr3",
};
const MEASURED = { mrtd: "mrTd", rtmr0: "rtmr0", rtmr1: "rtmr1", rtmr2: "rtmr2", rtmr3: "rtmr3" };
const BODY = ["ear.veraison.annotated-evidence", "tdx", "quote", "body"];

/** Refuse a genuine token that does not affirm this report under the policies asked for. Throws `token_claims`. */
export async function checkClaims(claims, issuer, report, acceptedStatuses) {
  const { affirms, policies, speaks } = FORMS[issuer.form];
  try {
    const named = policies(claims);
    expect(affirms(claims, acceptedStatuses), "token_claims");
    expect(
      issuer.policies.every((policy) => named.includes(policy)),
      "token_claims",
    );
    expect(await speaks(claims, report), "token_claims");
  } catch (error) {
    throw error instanceof MalformedError ? new AppraisalError("token_claims") : error;
  }
}

/** Every submodule must affirm, not the processor alone. */
function earAffirms(claims) {
  const modules = object(claims, "submods");
  cpuOf(claims);
  return Object.keys(modules).every((name) => object(modules, name)["ear.status"] === "affirming");
}

/** A submodule is called `cpu0` today, and `cpu` in older services. */
function cpuOf(claims) {
  const modules = object(claims, "submods");
  return object(modules, Object.hasOwn(modules, "cpu0") || !Object.hasOwn(modules, "cpu") ? "cpu0" : "cpu");
}

/** `tcb-status`, which Alibaba's service writes as JSON within text. */
function statusOf(claims) {
  const status = claims["tcb-status"];
  return object({ status: typeof status === "string" ? parseJson(status) : status }, "status");
}

/** The service gives no token where a policy rejects; these tokens know no other word. */
const flat = {
  speaks: (claims, report) => names(statusOf(claims), report, NAMED, "tdx.quote.body."),
  affirms: (claims) => claims.tee === "tdx" && statusOf(claims)["tdx.td_attributes.debug"] === false,
  policies: (claims) => items(claims["evaluation-reports"], "policy-id"),
};

const FORMS = {
  ear: {
    speaks: (claims, report) => names(BODY.reduce(object, cpuOf(claims)), report, NAMED),
    affirms: earAffirms,
    policies: (claims) => [String(cpuOf(claims)["ear.appraisal-policy-id"])],
  },
  simple: flat,
  oidc: flat,
  "trust-authority": { speaks: itaSpeaks, affirms: itaAffirms, policies: itaPolicies },
};

/**
 * This very report, or one that the same machine made for the service's nonce and this report's data: the service's rule
 * is REPORTDATA = SHA-512(nonce value || nonce time || held data).
 */
async function itaSpeaks(claims, report) {
  const tdx = itaOf(claims);
  if (tdx.tdx_report_data !== hex(report.reportData)) {
    const nonce = object(tdx, "verifier_nonce");
    const held = fromBase64Strict(tdx.attester_held_data);
    const hashed = concat(fromBase64Strict(nonce.val), fromBase64Strict(nonce.iat), held);
    const expected = hex(new Uint8Array(await crypto.subtle.digest("SHA-512", hashed)));
    if (!equal(held, report.reportData) || tdx.tdx_report_data !== expected) return false;
  }
  return names(tdx, report, MEASURED, "tdx_");
}

function itaAffirms(claims, acceptedStatuses) {
  const tdx = itaOf(claims);
  const unmatched = [claims, tdx].flatMap((members) => members.policy_ids_unmatched ?? []);
  return acceptedStatuses.includes(tdx.attester_tcb_status) && tdx.tdx_is_debuggable === false && !unmatched.length;
}

function itaPolicies(claims) {
  const found = [claims, itaOf(claims)].map((members) => members.policy_ids_matched).find((list) => list?.length);
  return items(found ?? [], "id");
}

/** The claims of a TD: nested in version 2, flat in version 1. */
function itaOf(claims) {
  return Object.hasOwn(claims, "tdx") ? object(claims, "tdx") : claims;
}

function names(body, report, named, prefix = "") {
  return Object.entries(named).every(([claim, name]) => body[prefix + claim] === hex(report[name]));
}

function items(list, name) {
  requireForm(Array.isArray(list));
  return list.map((item) => String(object({ item }, "item")[name]));
}

function object(members, name) {
  const value = Object.hasOwn(members, name) ? members[name] : null;
  requireForm(value !== null && typeof value === "object" && !Array.isArray(value));
  return value;
}

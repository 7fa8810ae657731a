/** What the checks say, in one sentence each: tables by id and code, so that a translation replaces only them. */
import { GPU_PASSED, GPU_REASONS } from "./gpu_words.js";
import { WORKLOAD_PASSED, WORKLOAD_REASONS, WORKLOAD_UNCHECKED } from "./workload_words.js";

const PASSED = {
  "quote.parse": "The report is a quote of version {version} with a {body} body.",
  "quote.chain": "The certificates lead from this processor (FMSPC {fmspc}) to Intel's root, and none is revoked.",
  "quote.chain.simulated":
    "The certificates lead from this processor (FMSPC {fmspc}) to the simulator of this installation, and none is revoked.",
  "quote.collateral": "The lists are genuine, of evaluation {number}, and hold until {until} UTC.",
  "quote.qe": "Intel's quoting enclave made the report, with a key that the processor vouches for.",
  "quote.signature": "The report is exactly as the processor signed it.",
  "tcb.status": "Intel's status of this platform is {status} (advisories: {advisories}).",
  "tcb.status.grace":
    "Intel's status of this platform is {status} (advisories: {advisories}); the policy accepts that until {until} UTC.",
  "platform.id": "The platform {platform} is one of those that the policy names.",
  "td.attributes": "The machine is closed: no debugging, no profiling, no migration.",
  "td.measurements": "What was started is release {version}, with the model {model}.",
  ...WORKLOAD_PASSED,
  "binding.report_data": "The report vouches for exactly what the machine says of this session.",
  "binding.nonce": "The report answers this request and no other.",
  "binding.key": "The key for this session ({suite}) is the one in the report.",
  "binding.origin": "The report was made for {origin}, by the operator who is known here.",
  "binding.fresh": "The report is {seconds} seconds old.",
  "binding.log": "The public log is the one seen before.",
  "binding.log.grown": "The public log has only grown since it was last seen here.",
  "binding.log.unseen": "No earlier view of this public log is known here.",
  ...GPU_PASSED,
  "verdict.token": "The attestation service {issuer} affirms this very report.",
  "verdict.token.silent":
    "The attestation service {issuer} affirms this very report. It says nothing of the platform's status: that is judged here alone.",
  "verdict.token.several": "Of {asked} attestation services {agreeing} affirm this very report: {issuer}.",
  "verdict.token.several.silent":
    "Of {asked} attestation services {agreeing} affirm this very report: {issuer}. None of them says anything of the platform's status: that is judged here alone.",
};

/** What went wrong, by code; what that means for the reader is said by the page, by check. */
export const REASONS = {
  malformed: "A part of the evidence cannot be read.",
  quote_malformed: "The report ends too early or cannot be read.",
  quote_version: "Version {version} of the report is neither 4 nor 5.",
  quote_tee_type: "The report is not one of Intel TDX.",
  quote_key_type: "The report's signature is of an unknown kind.",
  quote_vendor: "The report does not come from Intel's quoting enclave.",
  quote_body: "The report's body is of an unknown kind or size.",
  quote_certification: "The report's certification data is not of the known form.",
  quote_trailing: "Something other than zeros follows the report.",
  chain_malformed: "A certificate cannot be read.",
  chain_root: "The certificates do not lead to the root that is pinned here.",
  chain_signature: "A certificate was not signed by the one above it.",
  chain_role: "{name} stands where another role belongs.",
  chain_constraints: "{name} may not be used for what it is used for.",
  chain_validity: "{name} is not valid at this time.",
  crl_malformed: "A list of revoked certificates is missing or cannot be read.",
  crl_signature: "A list of revoked certificates was not signed by {name}.",
  crl_validity: "A list of revoked certificates is out of date, or a clock is wrong.",
  certificate_revoked: "Intel has revoked a certificate of this processor.",
  simulator_refused: "The processor is simulated, which counts for nothing here.",
  collateral_malformed: "A list is missing or cannot be read.",
  collateral_kind: "A list is not of the expected kind.",
  collateral_signer: "A list is signed by somebody else, or its signer was revoked.",
  collateral_signature: "A list was changed after it was signed.",
  collateral_validity: "A list is out of date, or a clock is wrong.",
  fmspc_mismatch: "The list is for another model of processor.",
  pceid_mismatch: "The list is for another provisioning enclave.",
  evaluation_number_low: "The lists are of an old evaluation, number {number}.",
  qe_signature: "The processor's key did not sign the enclave's report.",
  qe_binding: "The enclave does not vouch for the key that signed.",
  qe_identity: "The enclave is another one.",
  qe_debug: "The enclave runs in debug mode.",
  quote_signature: "The signature is not over these bytes.",
  tcb_not_supported: "The platform is below every level that Intel supports.",
  tcb_module: "The TDX module is not one that Intel signed.",
  tcb_refused: "Intel's status is {status} (advisories: {advisories}).",
  advisory_refused: "The platform is open to {advisories}.",
  platform_unknown: "The policy does not name this platform ({platform}).",
  td_debug: "The machine runs in debug mode, where the host can read and change it.",
  td_profiling: "The host may profile what the machine does.",
  td_migratable: "The machine may be moved to another one.",
  td_service_td_extension: "Another machine may serve it with more rights than are shown.",
  td_reserved: "An attribute is set whose meaning is unknown.",
  td_sept_ve: "The host may take pages away unnoticed (SEPT_VE_DISABLE is off).",
  td_attribute_refused: "An attribute is set that the policy does not allow.",
  xfam_refused: "It may use features of the processor that the policy does not allow.",
  seam_signer: "The TDX module is signed by nobody whom the policy names.",
  seam_attributes: "The TDX module is not one for production.",
  seam_refused: "The policy does not name this TDX module ({module}).",
  service_td: "A service machine that is not allowed is bound to it ({service}).",
  release_unknown: "It names a release that nobody published here.",
  release_signature: "The release that it names is not signed by the known release key.",
  release_old: "Release {version} is older than {floor}.",
  release_expired: "Release {version} is not in force at this time.",
  measurements_differ: "Other than in the release: {names}.",
  model_differs: "The model {model} is not one of release {version}.",
  ...WORKLOAD_REASONS,
  report_data_differs: "It vouches for something else than what the machine says.",
  nonce_differs: "The random number in it is not the one that was sent.",
  conversation_differs: "It was made for another conversation.",
  key_differs: "Somebody put another key beside the report.",
  key_size: "The key is not one for {suite}.",
  suite_differs: "The kind of key is not the one that was asked for.",
  origin_differs: "It was made for {origin}.",
  deployment_signature: "It is not signed by the operator who is known here.",
  lifetime_too_long: "It is made to hold for too long.",
  not_yet_valid: "It comes from the future.",
  expired: "It is too old.",
  answered_too_late: "The answer took too long.",
  log_differs: "Entries of the log are missing or were changed.",
  ...GPU_REASONS,
  token_missing: "The service gave no answer.",
  token_malformed: "The answer cannot be read.",
  token_algorithm: "The answer is not signed with the expected algorithm.",
  token_signature: "The answer was not signed by a pinned key.",
  token_issuer: "The answer is from another issuer.",
  token_audience: "The answer is for another audience.",
  token_time: "The answer has expired, or is not valid yet.",
  token_claims: "The answer does not affirm this very report.",
};

const UNCHECKED = {
  report: "the report cannot be read",
  certificate: "its certificate cannot be read",
  list: "Intel's list cannot be read",
  crl: "the list of revoked certificates cannot be read",
  statement: "what the machine says cannot be read",
  eventLog: "the log of what was started cannot be read",
  ...WORKLOAD_UNCHECKED,
  release: "the release that it names is not known here",
  request: "the request that it answers is not known here",
  suites: "the kinds of key that were asked for are not known here",
  operator: "the address or the operator's key is not known here",
  elapsed: "how long the answer took is not known here",
};

export function sayPassed(name, params) {
  return fill(PASSED[name], params);
}

export function sayFailed(code, params) {
  return fill(REASONS[code], params);
}

export function sayUnchecked(what) {
  return `Not checked: ${UNCHECKED[what]}.`;
}

function fill(sentence, params) {
  return sentence.replace(/{(\w+)}/g, (_, name) => params[name]);
}

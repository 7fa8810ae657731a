/** What the checks say, in one sentence each: tables by id and code, so that a translation replaces only them. */

const PASSED = {
  "quote.parse": "The report is a quote of version {version} with a {body} body.",
  "quote.chain": "The certificates lead from this processor (FMSPC {fmspc}) to Intel's root, and none is revoked.",
  "quote.chain.simulated":
    "The certificates lead from this processor (FMSPC {fmspc}) to the simulator of this installation, and none is revoked.",
  "quote.collateral": "The lists are genuine, of evaluation {number}, and hold until {until} UTC.",
  "quote.qe": "Intel's quoting enclave made the report, with a key that the processor vouches for.",
  "quote.signature": "The report is exactly as the processor signed it.",
  "tcb.status": "Intel's status of this platform is {status} (advisories: {advisories}).",
  "td.attributes": "The machine is closed: no debugging, no profiling, no migration.",
  "td.measurements": "What was started is release {version}, with the model {model}.",
  "binding.report_data": "The report vouches for exactly what the machine says of this session.",
  "binding.nonce": "The report answers this request and no other.",
  "binding.key": "The key for this session ({suite}) is the one in the report.",
  "binding.origin": "The report was made for {origin}, by the operator who is known here.",
  "binding.fresh": "The report is {seconds} seconds old.",
  "binding.log": "The public log is the one seen before.",
  "binding.log.unseen": "No earlier view of this public log is known here.",
  "verdict.token": "The attestation service {issuer} affirms this very report.",
};

const FAULTS = {
  "quote.parse": "The report is damaged or of an unknown kind",
  "quote.chain": "The certificates do not lead to Intel, or one was revoked",
  "quote.collateral": "Intel's lists for this platform are missing, expired or not genuine",
  "quote.qe": "The part of the processor that signs reports is not the one Intel released",
  "quote.signature": "The signature does not match: the report was changed or made up",
  "tcb.status": "Known weaknesses of this platform have not been repaired",
  "td.attributes": "The machine runs in debug mode, or could be moved or inspected",
  "td.measurements": "What was started is not a known release",
  "binding.report_data": "The report does not belong to this session",
  "binding.nonce": "It answers somebody else's question, or an old one",
  "binding.key": "The key offered is not the one in the report",
  "binding.origin": "The report was made for another address or another operator",
  "binding.fresh": "It has expired, or a clock is wrong",
  "binding.log": "The public log does not continue the one seen before",
  "verdict.token": "The service refused, did not answer, or its answer is not genuine",
};

const REASONS = {
  quote_malformed: "it ends too early or cannot be read",
  quote_version: "version {version} is neither 4 nor 5",
  quote_tee_type: "it is not one of Intel TDX",
  quote_key_type: "its signature is of an unknown kind",
  quote_vendor: "the quoting enclave is not of Intel's vendor id",
  quote_body: "its body is of an unknown kind or size",
  quote_certification: "its certification data is not of the known form",
  quote_trailing: "something other than zeros follows it",
  chain_malformed: "a certificate cannot be read",
  chain_root: "they do not lead to the root that is pinned here",
  chain_signature: "one was not signed by the one above it",
  chain_role: "{name} stands where another role belongs",
  chain_constraints: "{name} may not be used for what it is used for",
  chain_validity: "{name} is not valid at this time",
  crl_malformed: "a list of revoked certificates is missing or cannot be read",
  crl_signature: "a list of revoked certificates was not signed by {name}",
  crl_validity: "a list of revoked certificates is out of date, or a clock is wrong",
  certificate_revoked: "Intel has revoked a certificate of this processor",
  simulator_refused: "the processor is simulated, which counts for nothing here",
  collateral_malformed: "a list is missing or cannot be read",
  collateral_kind: "a list is not of the expected kind",
  collateral_signer: "a list is signed by somebody else, or its signer was revoked",
  collateral_signature: "a list was changed after it was signed",
  collateral_validity: "a list is out of date, or a clock is wrong",
  fmspc_mismatch: "the list is for another model of processor",
  pceid_mismatch: "the list is for another provisioning enclave",
  evaluation_number_low: "the lists are of an old evaluation, number {number}",
  qe_signature: "the processor's key did not sign the enclave's report",
  qe_binding: "the enclave does not vouch for the key that signed",
  qe_identity: "the enclave is another one",
  qe_debug: "the enclave runs in debug mode",
  quote_signature: "the signature is not over these bytes",
  tcb_not_supported: "it is below every level that Intel supports",
  tcb_module: "the TDX module is not one that Intel signed",
  tcb_refused: "Intel's status is {status} (advisories: {advisories})",
  advisory_refused: "open to {advisories}",
  td_debug: "it runs in debug mode, where the host can read and change it",
  td_profiling: "the host may profile what it does",
  td_migratable: "it may be moved to another machine",
  td_service_td_extension: "another machine may serve it with more rights than are shown",
  td_reserved: "an attribute is set whose meaning is unknown",
  td_sept_ve: "the host may take pages away unnoticed (SEPT_VE_DISABLE is off)",
  seam_signer: "the TDX module is not signed by Intel",
  seam_attributes: "the TDX module is not one for production",
  service_td: "a service machine that is not allowed is bound to it ({service})",
  release_unknown: "it names a release that nobody published here",
  release_signature: "the release that it names is not signed by the known release key",
  release_old: "release {version} is older than {floor}",
  release_expired: "release {version} is not in force at this time",
  measurements_differ: "{names}",
  model_differs: "the model {model} is not one of release {version}",
  report_data_differs: "it vouches for something else than what the machine says",
  nonce_differs: "the random number in it is not the one that was sent",
  conversation_differs: "it was made for another conversation",
  key_differs: "somebody put another key beside the report",
  key_size: "the key is not one for {suite}",
  suite_differs: "the kind of key is not the one that was asked for",
  origin_differs: "it was made for {origin}",
  deployment_signature: "it is not signed by the operator who is known here",
  lifetime_too_long: "it is made to hold for too long",
  not_yet_valid: "it comes from the future",
  expired: "it is too old",
  answered_too_late: "the answer took too long",
  log_differs: "entries of it are missing or were changed",
  token_missing: "it gave no answer",
  token_malformed: "its answer cannot be read",
  token_algorithm: "its answer is not signed with the expected algorithm",
  token_signature: "its answer was not signed by the pinned key",
  token_issuer: "the answer is from another issuer",
  token_audience: "its answer is for another audience",
  token_time: "its answer has expired, or is not valid yet",
  token_claims: "its answer does not affirm this very report",
};

const UNCHECKED = {
  report: "the report cannot be read",
  certificate: "its certificate cannot be read",
  list: "Intel's list cannot be read",
  crl: "the list of revoked certificates cannot be read",
  statement: "what the machine says cannot be read",
  request: "the request that it answers is not known here",
  suites: "the kinds of key that were asked for are not known here",
  operator: "the address or the operator's key is not known here",
  elapsed: "how long the answer took is not known here",
};

export function sayPassed(name, params) {
  return fill(PASSED[name], params);
}

export function sayFailed(id, code, params = {}) {
  return `${FAULTS[id]}: ${fill(REASONS[code], params)}.`;
}

export function sayUnchecked(what) {
  return `Not checked: ${UNCHECKED[what]}.`;
}

function fill(sentence, params) {
  return sentence.replace(/{(\w+)}/g, (_, name) => params[name]);
}

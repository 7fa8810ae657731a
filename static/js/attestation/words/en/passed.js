/** What a check says that passed, in one sentence each. */
export const PASSED = {
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
  "binding.report_data": "The report vouches for exactly what the machine says of this session.",
  "binding.nonce": "The report answers this request and no other.",
  "binding.key": "The key for this session ({suite}) is the one in the report.",
  "binding.origin": "The report was made for {origin}, by the operator who is known here.",
  "binding.fresh": "The report is {seconds} seconds old.",
  "binding.log": "The public log is the one seen before.",
  "binding.log.grown": "The public log has only grown since it was last seen here.",
  "binding.log.unseen": "No earlier view of this public log is known here.",
  "verdict.token": "The attestation service {issuer} affirms this very report.",
  "verdict.token.silent":
    "The attestation service {issuer} affirms this very report. It says nothing of the platform's status: that is judged here alone.",
  "verdict.token.several": "Of {asked} attestation services {agreeing} affirm this very report: {issuer}.",
  "verdict.token.several.silent":
    "Of {asked} attestation services {agreeing} affirm this very report: {issuer}. None of them says anything of the platform's status: that is judged here alone.",
};

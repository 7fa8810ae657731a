/** Words of trust: who checked, who does not agree, what changed since this browser was here before. */
export const TRUST = {
  "trust.dispute.server":
    "This browser and the server do not agree: here “{mine}”, there “{theirs}”. The worse of both counts.",
  "trust.dispute.service":
    "This browser found nothing wrong, but the attestation service {name} does not agree. {said}",
  "trust.dispute.services":
    "The attestation services do not agree. Affirmed by: {agreeing}. Not affirmed by: {name}. {said}",
  "service.embedded": "The attestation service, built into this server ({issuer}; no independent opinion).",
  "service.remote": "The attestation service {name}: {url} ({kind}, {issuer}).",
  "service.affirms": "It affirms this very report; this browser verified its token.",
  "service.refuses": "It does not affirm this report.",
  "service.unavailable": "It gave no answer ({error}).",
  "service.error.service_refused": "it refused the report",
  "service.error.service_unavailable": "it could not be reached",
  "service.error.service_timeout": "it did not answer in time",
  "service.error.service_lying": "what answered is not the service, or not its protocol",
  "service.not_genuine": "What came in its name is not genuine: {detail}",
  "service.unread": "Its answer could not be compared with the report.",
  "service.unpinned": "It counts for nothing here: this page knows no key of it.",
  "service.verified": "This browser verified its token.",
  "service.unverified": "There is no token of it that this browser could verify.",
  "changes.logKey":
    "The key by which this browser knows the operator since {since} is not the one that the page names now. It changes when the operator sets the service up anew, and also when somebody else answers in its place.",
  "changes.releaseKey":
    "The key that signs releases, known to this browser since {since}, is not the one that the page names now. No release that only the new one signed counts here.",
  "changes.unproved":
    "This machine is not the one that proved itself to this browser before, and nothing that is known here explains it. Other than before: {names}.",
  "changes.release":
    "Since you were last here, release {new} took the place of {old}, which this browser had seen since {since}. It is signed by the release key that this browser knows.",
  "changes.known": "Since you were last here, within what the known release allows, this changed: {names}.",
  "changes.key": "This browser follows another key of the operator since you accepted it.",
  "changes.one": "{old} → {value} (the former since {since})",
  "seen.summary": "{origin} last proved itself to this browser on {at}; the first time was {first}.",
  "seen.since": "unchanged since {since}",
  "seen.release": "Release",
  "seen.releaseDigest": "Release manifest",
  "seen.model": "Model",
  "seen.modelDigest": "Model's files",
  "seen.mrTd": "Firmware (MRTD)",
  "seen.rtmr0": "Firmware's settings (RTMR0)",
  "seen.rtmr1": "Kernel and loader (RTMR1)",
  "seen.rtmr2": "Command line and file system (RTMR2)",
  "seen.rtmr3": "What was started later (RTMR3)",
  "seen.mrSeam": "TDX module (MRSEAM)",
  "seen.tcbStatus": "Status of the processor",
  "seen.logKey": "Operator's key",
  "seen.releaseKey": "Release key",
  "notice.key": "A key by which this browser knows this site has changed. Read what that means before you go on.",
  "notice.read": "Read",
  "notice.noted": "Noted",
};

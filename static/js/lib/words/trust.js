/** Words of trust: who checked, who does not agree, what changed since this browser was here before. */
export const TRUST = {
  "trust.dispute.server":
    "This browser and the server do not agree: here “{mine}”, there “{theirs}”. The worse of both counts.",
  "trust.dispute.service": "This browser found nothing wrong, but the attestation service does not agree. {said}",
  "service.embedded": "The attestation service, built into this server ({issuer}; no independent opinion).",
  "service.remote": "The attestation service {url} ({kind}, {issuer}).",
  "service.affirms": "It affirms this very report; this browser verified its token.",
  "service.refuses": "It does not affirm this report.",
  "service.unavailable": "It gave no answer ({error}).",
  "service.not_genuine": "What came in its name is not genuine: {detail}",
  "service.unread": "Its answer could not be compared with the report.",
  "service.unpinned": "It counts for nothing here: this page knows no key of it.",
  "service.verified": "This browser verified its token.",
  "service.unverified": "There is no token of it that this browser could verify.",
  "pin.changed":
    "The key by which this browser knows the operator has changed. First seen {since}: {old}. Now offered: {new}.",
};

"""Does the attestation service agree, about this very quote? `verdict.token`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attestation.errors import AppraisalError
from attestation.examination import Examination, given
from attestation.quote import TdReport
from attestation.token import verify_token

_AFFIRMING = "affirming"
_SUBMODULE = "cpu0"
# Members of the annotated evidence (Trustee 0.14 and later) and what they name in a TD report.
_CLAIMED = {
    "report_data": "report_data",
    "mr_td": "mr_td",
    "rtmr_0": "rtmr0",
    "rtmr_1": "rtmr1",
    "rtmr_2": "rtmr2",
    "rtmr_3": "rtmr3",
}


def check_token(subject: Examination) -> str | None:
    """`verdict.token`: genuine, in date, affirming, and about this quote. Left out where no issuer is pinned."""
    issuer = subject.trust.token_issuer
    if issuer is None:
        return None
    if subject.token is None:
        raise AppraisalError("token_missing", "it gave no answer")
    claims = verify_token(subject.token, issuer, now=subject.expectation.now)
    report = given("the report", lambda: subject.quote).report
    module = _member(_member(claims, "submods"), _SUBMODULE)
    if module.get("ear.status") != _AFFIRMING:
        raise AppraisalError("token_claims", "it does not affirm this machine")
    if not _speaks_of(module, report):
        raise AppraisalError("token_claims", "its answer is about another report")
    return f"The attestation service {issuer.issuer} affirms this very report."


def _speaks_of(module: Mapping[str, Any], report: TdReport) -> bool:
    body = module
    for name in ("ear.veraison.annotated-evidence", "tdx", "quote", "body"):
        body = _member(body, name)
    return all(body.get(claim) == getattr(report, name).hex() for claim, name in _CLAIMED.items())


def _member(members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = members.get(name)
    if not isinstance(value, dict):
        raise AppraisalError("token_claims", "its answer does not have the known form")
    return value

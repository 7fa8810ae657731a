"""Do the attestation services agree, about this very quote? `verdict.token`."""

from __future__ import annotations

from collections.abc import Sequence

from attestation.answers import Opinion, decide_quorum
from attestation.errors import AppraisalError
from attestation.examination import Examination, UncheckedError

# Services that write no TCB status into their tokens.
_WITHOUT_STATUS = "oidc"


def check_token(subject: Examination) -> str | None:
    """`verdict.token`: as many as the policy asks for affirm this quote. Left out where no issuer is pinned."""
    opinions = subject.opinions
    if not opinions:
        return None
    against = decide_quorum(opinions, subject.policy.quorum)
    if against is None:
        return _sentence(opinions)
    if against.code == "not_checked":
        raise UncheckedError(against.detail)
    who = f"{against.name}: " if len(opinions) > 1 else ""
    raise AppraisalError(against.code, f"{who}{against.detail}")


def _sentence(opinions: Sequence[Opinion]) -> str:
    agreeing = [opinion for opinion in opinions if not opinion.code]
    issuers = [opinion.issuer for opinion in agreeing if opinion.issuer is not None]
    names = ", ".join(issuer.issuer or issuer.name for issuer in issuers)
    if len(opinions) == 1:
        sentence = f"The attestation service {names} affirms this very report."
    else:
        sentence = f"Of {len(opinions)} attestation services {len(agreeing)} affirm this very report: {names}."
    if all(issuer.form == _WITHOUT_STATUS for issuer in issuers):
        sentence += " It says nothing of the platform's status: that is judged here alone (tcb.status)."
    return sentence

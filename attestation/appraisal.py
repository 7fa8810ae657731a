"""Evidence, policy, expectation and time in; one `AttestationResult` out. Pure: nothing here does I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeVar

from attestation.answers import Answer, Opinion
from attestation.checks import binding, endpoint, gpu, hardware, service, software, workload
from attestation.errors import AppraisalError, MalformedError
from attestation.evidence import Evidence
from attestation.examination import Examination, UncheckedError
from attestation.grace import accept_tcb
from attestation.policy import Expectation, LogView, Policy, Trust
from attestation.quote import Quote
from attestation.reference_values import ReferenceRelease, RefusedRelease
from attestation.statement import Statement
from attestation.verified import VerifiedCache
from attestation.words import CHECK_WORDS

__all__ = [
    "CHECKS",
    "AttestationResult",
    "Check",
    "Expectation",
    "LogView",
    "Outcome",
    "Policy",
    "Source",
    "Status",
    "Trust",
    "VerifiedCache",
    "appraise",
    "decide",
    "worse_outcome",
]

Outcome = Literal["affirming", "warning", "contraindicated", "none"]
Status = Literal["pass", "fail", "unknown"]
Source = Literal["hardware", "derived", "asserted"]

Part = TypeVar("Part")

_LAST_SECOND = 253402300799  # 9999-12-31T23:59:59Z, the last that a datetime can hold
_OUTCOMES: tuple[Outcome, ...] = ("affirming", "warning", "contraindicated", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One named check: `code` is empty when it passed, `detail` is one sentence for people.

    `source` says who speaks: the processor and Intel's signatures (`hardware`), this verifier computing from
    what the processor signed (`derived`), or somebody else's word (`asserted`).
    """

    id: str
    status: Status
    source: Source
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationResult:
    """What one appraisal found. `appraise` alone makes it; what needs trust takes it as an argument.

    `policy` is what it was judged by. `valid_until` is the earliest end among statement, release, certificates, lists
    and graces, as far as they can be read.
    """

    outcome: Outcome
    policy: Policy
    checks: tuple[Check, ...]
    tcb_status: str | None
    advisories: tuple[str, ...]
    opinions: tuple[Opinion, ...]
    quote: Quote | None
    statement: Statement | None
    simulated: bool
    valid_until: datetime | None
    evaluated_at: datetime

    @property
    def reason(self) -> Check | None:
        """Return the first check that failed, else the first that could not be made, else None."""
        faults = [check for check in self.checks if check.status != "pass"]
        return min(faults, key=lambda check: check.status != "fail", default=None)

    def to_wire_checks(self) -> list[dict[str, str]]:
        """Return the checks as `attest.verdict` carries them."""
        return [
            {"id": check.id, "status": check.status, "source": check.source, "detail": check.detail}
            for check in self.checks
        ]


def worse_outcome(first: Outcome, second: Outcome) -> Outcome:
    """Return the outcome that deserves less trust; `none`, where nothing was appraised, is the worst."""
    return max(first, second, key=_OUTCOMES.index)


def decide(checks: Sequence[Check]) -> Outcome:
    """Return what checks amount to: any failure decides, and what was not checked is never good."""
    statuses = {check.status for check in checks}
    if "fail" in statuses:
        return "contraindicated"
    return "affirming" if statuses == {"pass"} else "warning"


CheckFunction = Callable[[Examination], str | None]

# Every check in the order of docs/PROTOCOL.md §3, with who speaks in it.
CHECKS: tuple[tuple[str, Source, CheckFunction], ...] = (
    ("quote.parse", "hardware", hardware.check_parse),
    ("quote.chain", "hardware", hardware.check_chain),
    ("quote.collateral", "hardware", hardware.check_collateral),
    ("quote.qe", "hardware", hardware.check_qe),
    ("quote.signature", "hardware", hardware.check_signature),
    ("tcb.status", "hardware", hardware.check_tcb),
    ("platform.id", "hardware", software.check_platform),
    ("td.attributes", "hardware", software.check_attributes),
    ("td.measurements", "hardware", software.check_measurements),
    ("td.workload", "derived", workload.check_workload),
    ("model.endpoint", "derived", endpoint.check_endpoint),
    ("binding.report_data", "derived", binding.check_report_data),
    ("binding.nonce", "derived", binding.check_nonce),
    ("binding.key", "derived", binding.check_key),
    ("binding.origin", "derived", binding.check_origin),
    ("binding.fresh", "derived", binding.check_fresh),
    ("binding.log", "derived", binding.check_log),
    ("gpu.evidence", "asserted", gpu.check_gpu),
    ("verdict.token", "asserted", service.check_token),
)


def appraise(
    evidence: Evidence,
    *,
    policy: Policy,
    trust: Trust,
    expectation: Expectation,
    releases: Sequence[ReferenceRelease | RefusedRelease],
    answers: Sequence[Answer],
    cache: VerifiedCache | None = None,
) -> AttestationResult:
    """Make every check, whether or not an earlier one failed, and decide the outcome.

    Any failure makes it `contraindicated`, else anything unknown `warning`; only what was checked can affirm. A
    `cache` spares verifying the same certificates and lists again; dates are judged each time.

    Raises:
        ConfigurationError: the key pinned for the token issuer cannot be used.
    """
    subject = Examination(
        evidence, policy=policy, trust=trust, expectation=expectation, releases=releases, answers=answers, cache=cache
    )
    checks = tuple(_make_checks(subject))
    tcb = _readable(lambda: subject.tcb)
    return AttestationResult(
        outcome=decide(checks),
        policy=policy,
        checks=checks,
        tcb_status=tcb.status if tcb else None,
        advisories=tcb.advisories if tcb else (),
        opinions=subject.opinions,
        quote=_readable(lambda: subject.quote),
        statement=_readable(lambda: subject.statement),
        simulated=subject.is_simulated,
        valid_until=min(_ends(subject), default=None),
        evaluated_at=expectation.now,
    )


def _make_checks(subject: Examination) -> Iterator[Check]:
    for name, source, function in CHECKS:
        check = _make_check(name, source, function, subject)
        if check is not None:
            yield check


def _make_check(name: str, source: Source, function: CheckFunction, subject: Examination) -> Check | None:
    """Return what one check found, or None where the protocol leaves it out."""
    try:
        sentence = function(subject)
    except UncheckedError as error:
        return Check(id=name, status="unknown", source=source, code="not_checked", detail=f"Not checked: {error}.")
    except (AppraisalError, MalformedError) as error:
        detail = f"{CHECK_WORDS[name].fault.removesuffix('.')}: {error}."
        return Check(id=name, status="fail", source=source, code=error.code, detail=detail)
    if sentence is None:
        return None
    return Check(id=name, status="pass", source=source, code="", detail=sentence)


def _ends(subject: Examination) -> Iterator[datetime]:
    """Yield when each readable part of the evidence ceases to hold."""
    readers: tuple[Callable[[], datetime], ...] = (
        lambda: min(certificate.not_after for certificate in subject.pck_chain),
        lambda: min(certificate.not_after for certificate in subject.tcb_info_chain),
        lambda: min(certificate.not_after for certificate in subject.qe_identity_chain),
        lambda: subject.root_crl.next_update,
        lambda: subject.pck_crl.next_update,
        lambda: subject.tcb_info.next_update,
        lambda: subject.qe_identity.next_update,
        lambda: _moment(subject.statement.expires_at),
    )
    for read in readers:
        end = _readable(read)
        if end is not None:
            yield end
    grace = _readable(lambda: accept_tcb(subject.tcb, subject.policy, now=subject.expectation.now))
    if grace is not None:
        yield grace
    release = _readable(lambda: subject.release)
    if release is not None:
        yield _moment(release.expires_at)


def _moment(timestamp: int) -> datetime:
    """Return a time; one beyond year 9999 is as good as never."""
    return datetime.fromtimestamp(min(timestamp, _LAST_SECOND), UTC)


def _readable(read: Callable[[], Part]) -> Part | None:
    try:
        return read()
    except (AppraisalError, MalformedError):
        return None

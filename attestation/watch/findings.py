"""What one look at a deployment finds. Pure: judged evidence in, findings out; nothing of a user is in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from attestation.appraisal import AttestationResult
from attestation.collateral_set import CollateralStanding
from attestation.reference_values import ReferenceRelease

Severity = Literal["critical", "warning"]

# A new release needs some days to be made, signed and rolled out.
RELEASE_EXPIRING = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to know: `kind` and `subject` tell it from others, `facts` fill its sentence (attestation.watch.words).

    What changes from look to look stands in `facts`, never in `subject`: one notice for each subject.
    """

    kind: str
    subject: str
    severity: Severity
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look found at `at`; `is_complete` is false where the server gave no evidence to look at."""

    at: datetime
    outcome: str
    findings: tuple[Finding, ...]
    is_complete: bool


def look_at_nothing(reason: str, *, at: datetime) -> Look:
    """Return what is found where no evidence was given; `reason` is a short code."""
    finding = Finding(kind="unreachable", subject="server", severity="critical", facts={"reason": reason})
    return Look(at=at, outcome="none", findings=(finding,), is_complete=False)


def look_at(
    result: AttestationResult,
    *,
    verdicts: Sequence[Mapping[str, Any]],
    collateral: CollateralStanding,
    releases: Sequence[ReferenceRelease],
) -> Look:
    """Return what is found in one appraised answer.

    `verdicts` are members `attest.verdict` of each attestation service, its own word; `releases` are those that the
    deployment knows.
    """
    findings = (
        *_outcome(result),
        *_advisories(result),
        *_collateral(collateral),
        *_releases(result, releases),
        *_verifiers(verdicts),
    )
    return Look(at=result.evaluated_at, outcome=result.outcome, findings=findings, is_complete=True)


def _outcome(result: AttestationResult) -> Iterator[Finding]:
    reason = result.reason
    if result.outcome != "affirming":
        check, code = (reason.id, reason.code) if reason is not None else ("", "")
        yield Finding(
            kind="outcome",
            subject=f"{result.outcome} {check} {code}".strip(),
            severity="critical",
            facts={"outcome": result.outcome, "check": check, "code": code},
        )


def _advisories(result: AttestationResult) -> Iterator[Finding]:
    for advisory in result.advisories:
        facts = {"advisory": advisory, "status": result.tcb_status or ""}
        yield Finding(kind="advisory", subject=advisory, severity="warning", facts=facts)


def _collateral(standing: CollateralStanding) -> Iterator[Finding]:
    code = standing.fault or standing.warning
    if code:
        yield Finding(
            kind=code,
            subject="collateral",
            severity="critical" if standing.fault else "warning",
            facts={"until": _minute(standing.expires_at), "hours": f"{standing.age_s / 3600:.0f}"},
        )


def _releases(result: AttestationResult, releases: Sequence[ReferenceRelease]) -> Iterator[Finding]:
    digest = None if result.statement is None else result.statement.release_digest
    for release in releases:
        expires_at = datetime.fromtimestamp(release.expires_at, UTC)
        if release.digest == digest and expires_at - result.evaluated_at < RELEASE_EXPIRING:
            facts = {"release": release.version, "until": _minute(expires_at)}
            yield Finding(kind="release_expiring", subject=release.version, severity="warning", facts=facts)


def _verifiers(verdicts: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for verdict in verdicts:
        error, verifier = verdict.get("error"), verdict.get("verifier")
        if not isinstance(error, Mapping) or not isinstance(verifier, Mapping):
            continue
        if error.get("code") != "service_refused":  # it works, and says no: the outcome tells
            facts = {"verifier": str(verifier.get("name") or verifier.get("kind")), "code": str(error.get("code"))}
            subject = f"{verifier.get('kind')} {verifier.get('url')}"
            yield Finding(kind="verifier", subject=subject, severity="warning", facts=facts)


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"

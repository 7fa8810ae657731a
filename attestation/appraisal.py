"""Evidence, policy, expectation and time in; one `AttestationResult` out. Pure: nothing here does I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from attestation.policy import Expectation, LogView, Policy
from attestation.quote import Quote
from attestation.statement import Statement

__all__ = [
    "AttestationResult",
    "Check",
    "Expectation",
    "LogView",
    "Outcome",
    "Policy",
    "Source",
    "Status",
    "worse_outcome",
]

Outcome = Literal["affirming", "warning", "contraindicated", "none"]
Status = Literal["pass", "fail", "unknown"]
Source = Literal["hardware", "derived", "asserted"]

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

    `valid_until` is the earliest end among everything the outcome rests on, None where nothing could be read.
    """

    outcome: Outcome
    checks: tuple[Check, ...]
    tcb_status: str | None
    advisories: tuple[str, ...]
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

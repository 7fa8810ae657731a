"""Records side by side: two of them with what differs, or one with what verifying it again finds, as people read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from attestation.again import Again
from attestation.appraisal import CHECKS, AttestationResult
from attestation.models import Attestation
from attestation.presentation import Mark, check_mark, describe_record
from attestation.records import read_json
from attestation.words import title_of


@dataclass(frozen=True, slots=True)
class Value:
    """What one side has, in the reader's language; `detail` is what a verifier wrote when it was recorded: English."""

    text: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One line of a comparison; what one side does not have is empty."""

    name: str
    left: Value
    right: Value

    @property
    def differs(self) -> bool:
        """Whether both sides have not the same."""
        return self.left != self.right


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one appraisal said of one check; `mark` is None where it was not asked."""

    mark: Mark | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAnswers:
    """One check in every appraisal."""

    id: str
    title: str
    answers: Sequence[Answer]


def compare_records(left: Attestation, right: Attestation) -> dict[str, Any]:
    """Return two records line by line, as a template's context."""
    sides = [describe_record(item) for item in (left, right)]
    sections = [
        (_("What was found"), [_values(_facts(*both).items()) for both in zip((left, right), sides, strict=True)]),
        (_("Checks"), [{line.title: Value(line.mark.word, line.detail) for line in side["checks"]} for side in sides]),
        (_("What the machine said"), [_values(side["statement_fields"]) for side in sides]),
        (_("The processor's report"), [_values(side["quote_fields"]) for side in sides]),
    ]
    compared = [(title, list(_pairs(*both))) for title, both in sections]
    return {"sections": compared, "differences": sum(pair.differs for _title, pairs in compared for pair in pairs)}


def describe_again(attestation: Attestation, again: Again) -> dict[str, Any]:
    """Return what was recorded, what is found again of then, and of now, check by check, as a template's context."""
    then, now = again.verification.then, again.verification.now
    recorded = {check["id"]: check for check in read_json(attestation.checks)}
    columns = [recorded, _answers(then), {} if now is None else _answers(now)]
    return {
        "judged_at": again.verification.judged_at,
        "lists": again.lists,
        "stored_at": again.stored_at,
        "then_fault": _first_fault(then),
        "now_fault": None if now is None or now.reason is None else _(title_of(now.reason.id)),
        "asked_now": now is not None,
        "unknown": sum(check.status == "unknown" for check in then.checks),
        "checks": [
            CheckAnswers(id=name, title=_(title_of(name)), answers=[_answer(column.get(name)) for column in columns])
            for name, _source, _function in CHECKS
        ],
    }


def _first_fault(result: AttestationResult) -> str | None:
    """Return the title of the first check that fails; what nobody can know any more is no fault."""
    return next((_(title_of(check.id)) for check in result.checks if check.status == "fail"), None)


def _answers(result: AttestationResult) -> dict[str, dict[str, str]]:
    return {check["id"]: check for check in result.to_wire_checks()}


def _answer(check: Mapping[str, str] | None) -> Answer:
    return Answer(mark=None, detail="") if check is None else Answer(mark=check_mark(check), detail=check["detail"])


def _facts(attestation: Attestation, described: Mapping[str, Any]) -> dict[str, str]:
    return {
        _("Outcome"): described["mark"].word,
        _("The server found"): described["server_mark"].word,
        _("The browser found"): described["client_mark"].word if described["client_mark"] else "—",
        _("User"): "—" if attestation.user is None else attestation.user.get_username(),
        _("The attestation service"): attestation.verifier_kind,
        _("Processor's status"): attestation.tcb_status or "—",
        _("Intel's lists, SHA-256"): attestation.collateral.digest,
        _("Certificates, SHA-256"): attestation.quote_certificates.digest,
        _("Verdict"): f"{attestation.verdict_at:%Y-%m-%d %H:%M:%S} UTC",
    }


def _values(fields: Iterable[tuple[str, str]]) -> dict[str, Value]:
    return {name: Value(text) for name, text in fields}


def _pairs(left: Mapping[str, Value], right: Mapping[str, Value]) -> Iterable[Pair]:
    names = [*left, *(name for name in right if name not in left)]
    return (Pair(name=name, left=left.get(name, Value()), right=right.get(name, Value())) for name in names)

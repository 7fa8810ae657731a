"""A judgement for people and for scripts: every check in words, or one JSON object."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from attestation.appraisal import Check
from attestation.offline import Verification
from attestation.words import OUTCOME_WORDS, title_of

_MARKS = {"pass": "✓", "fail": "✗", "unknown": "?"}
_INDENT = " " * 4


def to_text(verification: Verification) -> str:
    """Return a judgement as lines of text."""
    return "\n".join([*_heading(verification), "", *_check_lines(verification.result.checks), "", *_end(verification)])


def to_json(verification: Verification) -> str:
    """Return a judgement as one JSON object."""
    result = verification.result
    reason = result.reason
    members: dict[str, Any] = {
        "record": verification.bundle.record,
        "outcome": result.outcome,
        "green": result.outcome == "affirming",
        "simulated": result.simulated,
        "judged_at": _time(verification.judged_at),
        "time_was_given": verification.time_was_given,
        "valid_until": None if result.valid_until is None else _time(result.valid_until),
        "tcb_status": result.tcb_status,
        "advisories": list(result.advisories),
        "reason": None if reason is None else {"id": reason.id, "code": reason.code},
        "checks": [
            {"id": check.id, "status": check.status, "source": check.source, "code": check.code, "detail": check.detail}
            for check in result.checks
        ],
        "server": verification.bundle.verdict.get("server_outcome"),
    }
    return json.dumps(members, ensure_ascii=False, indent=2)


def _heading(verification: Verification) -> Iterable[str]:
    statement = verification.result.statement
    yield f"Record {_printable(verification.bundle.record)}"
    if statement is not None:
        model = f"{statement.model_name} ({statement.model_backend})"
        yield _printable(f"Made for {statement.origin}, model {model}, release {statement.release_version}")
    judged = _time(verification.judged_at)
    if verification.time_was_given:
        yield f"Judged as of {judged}, the time that you gave."
    else:
        yield f"Judged as of {judged}, when the evidence says that it was made; --now judges at another time."
    if verification.result.simulated:
        yield "SIMULATED: everything is checked as on real hardware, but the hardware is made up. It protects nobody."


def _check_lines(checks: Iterable[Check]) -> Iterable[str]:
    for check in checks:
        yield f" {_MARKS[check.status]} {title_of(check.id)}  [{check.id}]"
        code = f" ({check.code})" if check.code else ""
        yield f"{_INDENT}{_printable(check.detail)}{code}"


def _end(verification: Verification) -> Iterable[str]:
    result = verification.result
    unknown = [check.id for check in result.checks if check.status == "unknown"]
    word = OUTCOME_WORDS[result.outcome]
    if result.outcome == "affirming":
        yield f"{word}: every check holds."
        return
    reason = result.reason
    if reason is not None:
        yield f"{word}: {reason.id} {'failed' if reason.status == 'fail' else 'could not be checked'}."
    if unknown:
        yield f"Not checked: {', '.join(unknown)}."
        yield from _missing(verification)


def _missing(verification: Verification) -> Iterable[str]:
    """Name the arguments whose absence left checks open."""
    anchors = verification.anchors
    given = {
        "--nonce": anchors.nonce,
        "--conversation": anchors.conversation,
        "--origin": anchors.origin,
        "--suite": anchors.suites,
        "--log-key": anchors.log_key,
        "--release-key": anchors.release_keys,
        "--now": verification.time_was_given,
    }
    missing = [name for name, value in given.items() if not value]
    if missing:
        yield f"You did not give: {', '.join(missing)}."


def _printable(text: str) -> str:
    """Return a text without control characters, which an archive could use to paint over what was printed."""
    return "".join(character if character.isprintable() else "�" for character in text)


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

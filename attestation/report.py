"""A judgement for people and for scripts: every check in words, or JSON members."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from attestation.appraisal import AttestationResult, Check
from attestation.errors import MalformedError
from attestation.eventlog_words import list_events
from attestation.evidence import Evidence
from attestation.offline import Anchors, Verification
from attestation.policy_text import name_policy, policy_digest
from attestation.printing import printable, write_time
from attestation.words import OUTCOME_WORDS, title_of

SIMULATED = "SIMULATED: everything is checked as on real hardware, but the hardware is made up. It protects nobody."

_MARKS = {"pass": "✓", "fail": "✗", "unknown": "?"}
_LOGGED = {"pass": "Yes.", "fail": "NO.", "unknown": "Not shown here."}
_INDENT = " " * 4
_UNMEASURED = "What runs on the machine was not measured, and the policy accepts that."


def to_text(verification: Verification) -> str:
    """Return the judgement of a record as lines of text, its two questions apart."""
    then, now = verification.then, verification.now
    missing = missing_arguments(verification.anchors, {"--at": verification.time_was_given})
    lines = [f"Record {printable(verification.bundle.record)}", *describe(then), "", _then(verification)]
    lines += [*check_lines(then.checks), "", *event_lines(verification.bundle.evidence)]
    lines += ["", *ending(then, missing)]
    if now is None:
        lines += ["", "Is it good NOW? Not asked: give today's lists with --collateral or --pccs."]
    else:
        lines += ["", f"Is it good NOW? With the lists given, as of {write_time(now.evaluated_at)}:"]
        lines += [*check_lines(now.checks), "", *ending(now, [])]
    lines += ["", f"Does it stand in the public log? {_LOGGED[verification.logged.status]}"]
    lines += [f"{_INDENT}{printable(verification.logged.detail)}"]
    return "\n".join(lines)


def to_members(verification: Verification) -> dict[str, Any]:
    """Return the judgement of a record as members of a JSON object."""
    return {
        "record": verification.bundle.record,
        "holds": verification.holds,
        "then": {
            **result_members(verification.then),
            "judged_at": write_time(verification.judged_at),
            "time_was_given": verification.time_was_given,
        },
        "now": verification.now and result_members(verification.now),
        "log": {"status": verification.logged.status, "detail": verification.logged.detail},
        "server": verification.bundle.verdict.get("server_outcome"),
    }


def result_members(result: AttestationResult) -> dict[str, Any]:
    """Return one appraisal as members of a JSON object."""
    reason = result.reason
    return {
        "outcome": result.outcome,
        "policy": name_policy(result.policy),
        "green": result.outcome == "affirming",
        "simulated": result.simulated,
        "evaluated_at": write_time(result.evaluated_at),
        "valid_until": None if result.valid_until is None else write_time(result.valid_until),
        "tcb_status": result.tcb_status,
        "advisories": list(result.advisories),
        "reason": None if reason is None else {"id": reason.id, "code": reason.code},
        "checks": [
            {"id": check.id, "status": check.status, "source": check.source, "code": check.code, "detail": check.detail}
            for check in result.checks
        ],
    }


def describe(result: AttestationResult) -> Iterable[str]:
    """Say what the evidence is about."""
    statement = result.statement
    if statement is not None:
        model = f"{statement.model_name} ({statement.model_backend})"
        yield printable(f"Made for {statement.origin}, model {model}, release {statement.release_version}")
    yield printable(f"Judged by the policy {result.policy.id} ({policy_digest(result.policy)})")
    if result.simulated:
        yield SIMULATED


def check_lines(checks: Collection[Check]) -> Iterable[str]:
    """Say what each check claims and what was found."""
    for check in checks:
        yield f" {_MARKS[check.status]} {title_of(check.id)}  [{check.id}]"
        code = f" ({check.code})" if check.code else ""
        yield f"{_INDENT}{printable(check.detail)}{code}"
    if is_unmeasured(checks):
        yield f"   {_UNMEASURED}"


def is_unmeasured(checks: Collection[Check]) -> bool:
    """Say whether the workload was left out of a whole appraisal: some of it was not measured, and may be so."""
    ids = {check.id for check in checks}
    return "td.measurements" in ids and "td.workload" not in ids


def event_lines(evidence: Evidence) -> Iterable[str]:
    """List what the machine says that it measured, each event with its register."""
    try:
        events = list_events(evidence.ccel, evidence.aael)
    except MalformedError:
        yield "The log of what was measured cannot be read."
        return
    yield "What the machine measured:" if events else "The machine shows no log of what it measured."
    for register, text in events:
        yield f"{_INDENT}{register}  {printable(text)}"


def ending(result: AttestationResult, missing: list[str]) -> Iterable[str]:
    """Say what it amounts to, and which of the `missing` arguments left checks open."""
    word = OUTCOME_WORDS[result.outcome]
    if result.outcome == "affirming":
        yield f"{word}: every check holds."
        return
    reason = result.reason
    if reason is not None:
        yield f"{word}: {reason.id} {'failed' if reason.status == 'fail' else 'could not be checked'}."
    unknown = [check.id for check in result.checks if check.status == "unknown"]
    if unknown:
        yield f"Not checked: {', '.join(unknown)}."
        if missing:
            yield f"You did not give: {', '.join(missing)}."


def missing_arguments(anchors: Anchors, others: dict[str, object]) -> list[str]:
    """Name the arguments whose absence leaves checks open."""
    given = {
        "--nonce": anchors.nonce,
        "--conversation": anchors.conversation is not None,
        "--origin": anchors.origin,
        "--suite": anchors.suites,
        "--log-key": anchors.log_key,
        "--release-key": anchors.release_keys,
        **others,
    }
    return [name for name, value in given.items() if not value]


def _then(verification: Verification) -> str:
    judged = write_time(verification.judged_at)
    if verification.time_was_given:
        return f"Was it good THEN? Judged as of {judged}, the time that you gave:"
    return (
        f"Was it good THEN? Judged as of {judged}, when the evidence says that it was made (--at names another time):"
    )

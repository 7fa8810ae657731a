"""A record as people read it: outcomes and checks in words, and the fields of the evidence with their names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from attestation.encoding import b64decode, parse_json
from attestation.errors import MalformedError
from attestation.eventlog_words import list_events
from attestation.evidence import Evidence
from attestation.log.leaves import parse_entry
from attestation.models import Attestation
from attestation.news import News
from attestation.quote import Quote, parse_quote
from attestation.records import read_evidence, read_json, read_others
from attestation.statement import Statement, parse_statement
from attestation.watch.words import sentence
from attestation.words import CHECK_WORDS, ERROR_WORDS, OUTCOME_WORDS, SOURCE_WORDS, STATUS_WORDS, title_of

_ICONS = {"affirming": "tick", "pass": "tick", "warning": "clock", "unknown": "clock"}
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An outcome or status as a chip: its style, its shape in `trust.svg`, and its word."""

    style: str
    icon: str
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the list."""

    attestation: Attestation
    mark: Mark
    is_simulated: bool
    reason: str
    measured: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One check: what it claims, how it stands, and the sentence that the verifier wrote."""

    id: str
    title: str
    mark: Mark
    source: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What one attestation service answered; `claims` are for reading, and are not verified here."""

    name: str
    kind: str
    issuer: str
    fault: str
    token: str
    claims: str


def describe_row(attestation: Attestation) -> Row:
    """Return what the list shows of one record."""
    is_simulated = _is_simulated(attestation)
    return Row(
        attestation=attestation,
        mark=outcome_mark(attestation.outcome, is_simulated=is_simulated),
        is_simulated=is_simulated,
        reason=_reason(attestation),
        measured="" if attestation.measurements is None else attestation.measurements.digest,
    )


def describe_record(attestation: Attestation) -> dict[str, Any]:
    """Return what the page of one record shows, as its template's context."""
    evidence = read_evidence(attestation)
    is_simulated = _is_simulated(attestation)
    client = attestation.client_outcome
    return {
        "is_simulated": is_simulated,
        "mark": outcome_mark(attestation.outcome, is_simulated=is_simulated),
        "server_mark": outcome_mark(attestation.server_outcome, is_simulated=is_simulated),
        "client_mark": outcome_mark(client, is_simulated=is_simulated) if client else None,
        "reason": _reason(attestation),
        "evidence_ms": (attestation.evidence_at - attestation.requested_at) // _MILLISECOND,
        "verdict_ms": (attestation.verdict_at - attestation.requested_at) // _MILLISECOND,
        "checks": [_check_line(check) for check in read_json(attestation.checks)],
        "policy": _logged_policy(attestation),
        "services": _services(attestation),
        "quote_fields": _quote_fields(evidence.quote),
        "statement_fields": _statement_fields(evidence.statement),
        "events": _events(evidence),
        "is_unmeasured": all(check["id"] != "td.workload" for check in read_json(attestation.checks)),
    }


def _logged_policy(attestation: Attestation) -> Mapping[str, str] | None:
    """Return id and digest of the policy that a record was judged by, as its log entry names it."""
    entry = attestation.log_entries.filter(kind="attestation").first()
    members = {} if entry is None else parse_entry(bytes(entry.entry))
    policy: Mapping[str, str] | None = members.get("policy")
    return policy


def _services(attestation: Attestation) -> list[Service]:
    """Return what every attestation service answered, the first one first."""
    first = {
        "verifier": read_json(attestation.verifier),
        "token": attestation.token,
        "error": {"code": attestation.error_code},
    }
    return [_describe_service(entry) for entry in (first, *read_others(attestation))]


def _describe_service(entry: Mapping[str, Any]) -> Service:
    code, token = (entry["error"] or {}).get("code") or "", entry["token"] or ""
    verifier = entry["verifier"]
    return Service(
        name=str(verifier.get("name") or verifier["kind"]),
        kind=str(verifier["kind"]),
        issuer=str(verifier["issuer"]),
        fault=_(ERROR_WORDS.get(code, code)) if code else "",
        token=token,
        claims=_token_claims(token),
    )


def _reason(attestation: Attestation) -> str:
    """Say in a sentence why an attestation was not affirmed, nothing where it was."""
    check = attestation.failing_check
    if check:
        return _(CHECK_WORDS[check].fault) if check in CHECK_WORDS else check
    if attestation.outcome != attestation.server_outcome:
        return _("The browser found a fault that the server did not.")
    return ""


def outcome_mark(outcome: str, *, is_simulated: bool) -> Mark:
    """Return an outcome as a chip; simulated evidence keeps its own shape even where it was affirmed."""
    icon = _ICONS.get(outcome, "cross")
    if is_simulated and icon == "tick":
        icon = "tick-simulated"
    return Mark(style=f"is-{outcome}", icon=icon, word=_(OUTCOME_WORDS.get(outcome, outcome)))


def _check_line(check: dict[str, str]) -> CheckLine:
    name = check["id"]
    return CheckLine(
        id=name,
        title=_(title_of(name)),
        mark=check_mark(check),
        source=_(SOURCE_WORDS.get(check["source"], check["source"])),
        detail=check["detail"],
    )


def check_mark(check: Mapping[str, str]) -> Mark:
    """Return how a check stands as a chip."""
    status = check["status"]
    return Mark(style=f"is-{status}", icon=_ICONS.get(status, "cross"), word=_(STATUS_WORDS.get(status, status)))


def _is_simulated(attestation: Attestation) -> bool:
    return attestation.trust_anchor == Attestation.TrustAnchor.SIMULATOR


def _events(evidence: Evidence) -> tuple[tuple[str, str], ...]:
    """Return what the machine's logs say, nothing where they are damaged or absent."""
    try:
        return list_events(evidence.ccel, evidence.aael)
    except MalformedError:
        return ()


def _quote_fields(raw: bytes) -> list[tuple[str, str]]:
    """Return the fields that identify and bind a TD under the specification's names, nothing where it is damaged."""
    try:
        quote = parse_quote(raw)
    except MalformedError:
        return []
    return list(_named_fields(quote))


def _named_fields(quote: Quote) -> Iterable[tuple[str, str]]:
    report = quote.report
    yield "Version", str(quote.header.version)
    for name, value in (
        ("MRTD", report.mr_td),
        ("RTMR0", report.rtmr0),
        ("RTMR1", report.rtmr1),
        ("RTMR2", report.rtmr2),
        ("RTMR3", report.rtmr3),
        ("MRSEAM", report.mr_seam),
        ("TEE_TCB_SVN", report.tee_tcb_svn),
        ("TD_ATTRIBUTES", report.td_attributes),
        ("XFAM", report.xfam),
        ("MRCONFIGID", report.mr_config_id),
        ("MROWNER", report.mr_owner),
        ("MROWNERCONFIG", report.mr_owner_config),
        ("MRSERVICETD", report.mr_service_td),
        ("REPORTDATA", report.report_data),
    ):
        if value is not None:
            yield name, value.hex()


def _statement_fields(raw: bytes) -> list[tuple[str, str]]:
    try:
        statement = parse_statement(raw)
    except MalformedError:
        return []
    return list(_stated_fields(statement))


def _stated_fields(statement: Statement) -> Iterable[tuple[str, str]]:
    yield _("Address"), statement.origin
    yield _("Conversation"), statement.conversation or "—"
    yield _("Made"), _time(statement.issued_at)
    yield _("Holds until"), _time(statement.expires_at)
    yield _("Key agreement"), statement.kem_suite
    yield _("Key, SHA-256"), statement.kem_key_sha256.hex()
    yield _("Model"), f"{statement.model_name} · {statement.model_backend}"
    yield _("Model digest"), statement.model_digest
    yield _("Release"), statement.release_version
    yield _("Release digest"), f"sha256:{statement.release_digest.hex()}"
    yield _("Policy"), statement.policy
    if statement.gpu is not None:
        digest = "" if statement.gpu.sha256 is None else f" · sha256:{statement.gpu.sha256.hex()}"
        yield _("Graphics processors"), f"{statement.gpu.state}{digest}"
    yield _("Log"), f"{statement.log_origin} · {statement.log_size}"
    yield _("Nonce"), statement.nonce.hex()


def _time(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return str(seconds)


def _token_claims(token: str) -> str:
    """Return a token's claims for reading. Not verified here: what they are worth is the check `verdict.token`."""
    try:
        claims = parse_json(b64decode(token.split(".")[1]))
    except (IndexError, MalformedError):
        return ""
    return json.dumps(claims, ensure_ascii=False, indent=2)


def describe_news(news: News) -> dict[str, Any]:
    """Return what stands above the list, as its template's context."""
    return {
        "news": news,
        "is_quiet": news.is_quiet,
        "measured": [
            {"item": item, "changed": ", ".join(register.name for register in item.changed)} for item in news.measured
        ],
        "faults": [
            {"item": faults, "mark": outcome_mark(faults.outcome, is_simulated=False)} for faults in news.faults
        ],
        "concerns": [
            {
                "item": concern,
                "style": "is-contraindicated" if concern.severity == concern.Severity.CRITICAL else "is-warning",
                "sentence": sentence(concern.kind, concern.facts, ended=False, translate=_),
            }
            for concern in news.concerns
        ],
    }

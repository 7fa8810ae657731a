"""Reading the attestation history: a page of it, one record, and a record as evidence to take away."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from attestation.bundle import Bundle
from attestation.collateral import Collateral
from attestation.encoding import b64decode
from attestation.errors import MalformedError
from attestation.evidence import Evidence
from attestation.log.store import read_log_proof
from attestation.models import Attestation, SharedPart
from attestation.search import Wanted, newest_first

PAGE_SIZE = 50
EXPORT_PAGE_SIZE = 200
EVERYTHING = Wanted()

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Microseconds since the epoch, up to the year 5138, and a record's id.
_CURSOR = re.compile(r"([0-9]{1,17})-([0-9a-f]{32})\Z", re.ASCII)
_LISTED = (
    "id",
    "verdict_at",
    "outcome",
    "accepted_risk",
    "failing_check",
    "failing_code",
    "error_code",
    "trust_anchor",
    "verifier_kind",
    "release_version",
    "model_name",
    "measurements__digest",
    "opened_at",
    "user__username",
)
_PARTS = (
    "quote_certificates",
    "collateral",
    "ccel",
    "aael",
    "simulator_root",
    "checks",
    "verifier",
    "other_verifiers",
    "release",
    "keys",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of the history, newest first; `next` is the cursor of the page after it, None on the last."""

    records: list[Attestation]
    next: str | None


def list_attestations(*, wanted: Wanted = EVERYTHING, before: str | None = None, size: int = PAGE_SIZE) -> Page:
    """Return the newest records that are wanted, or those after a cursor; only what a list shows is read.

    Pages are found by key, so that the millionth record costs what the first does.

    Raises:
        MalformedError: `before` is no cursor.
    """
    found = newest_first(wanted).select_related("user", "measurements").only(*_LISTED)
    records = list(_after(found, before)[: size + 1])
    more = len(records) > size
    return Page(records=records[:size], next=_cursor(records[size - 1]) if more else None)


def each_page(wanted: Wanted, *, size: int = EXPORT_PAGE_SIZE) -> Iterator[list[Attestation]]:
    """Yield every record that is wanted, newest first, some at a time; no query outlives its page."""
    cursor = None
    while True:
        page = list(_after(newest_first(wanted).select_related("verifier", "other_verifiers"), cursor)[:size])
        if page:
            yield page
        if len(page) < size:
            return
        cursor = _cursor(page[-1])


def find_attestation(record: UUID) -> Attestation:
    """Return one record with all its parts.

    Raises:
        Attestation.DoesNotExist: there is none.
    """
    return Attestation.objects.select_related("user", *_PARTS).get(pk=record)


def read_evidence(attestation: Attestation) -> Evidence:
    """Return the evidence of a record, byte for byte as it was sent."""
    return Evidence(
        statement=bytes(attestation.statement),
        deployment_sig=bytes(attestation.deployment_sig),
        kem_key=bytes(attestation.kem_key),
        quote=bytes(attestation.quote_head) + _content(attestation.quote_certificates),
        collateral=Collateral.from_wire(read_json(attestation.collateral)),
        ccel=None if attestation.ccel is None else _content(attestation.ccel),
        aael=None if attestation.aael is None else _content(attestation.aael).decode(),
        trust_anchor="simulator" if attestation.trust_anchor == Attestation.TrustAnchor.SIMULATOR else "intel",
        simulator_root=None if attestation.simulator_root is None else _content(attestation.simulator_root),
        gpu=attestation.gpu or None,
    )


def read_bundle(attestation: Attestation) -> Bundle:
    """Return a record as the evidence that is taken away; who asked is no part of it."""
    return Bundle(
        record=str(attestation.pk),
        evidence=read_evidence(attestation),
        verdict=describe_verdict(attestation),
        checks=read_json(attestation.checks),
        token=attestation.token or None,
        release=_release(attestation),
        keys=read_json(attestation.keys),
        log=read_log_proof(attestation),
    )


def read_others(attestation: Attestation) -> list[dict[str, Any]]:
    """Return what further attestation services answered, as the wire's `others` had it."""
    if attestation.other_verifiers is None:
        return []
    verifiers = read_json(attestation.other_verifiers)
    return [
        {"verifier": verifier, "token": answer["token"], "error": _error(answer["error"])}
        for verifier, answer in zip(verifiers, attestation.other_answers, strict=True)
    ]


def _error(code: str | None) -> dict[str, str] | None:
    return {"code": code} if code else None


def read_json(part: SharedPart) -> Any:
    """Return the value of a shared part that holds JSON of our own making."""
    return json.loads(_content(part))


def _content(part: SharedPart) -> bytes:
    # PostgreSQL's driver returns a memoryview.
    return bytes(part.content)


def _after(found: QuerySet[Attestation], cursor: str | None) -> QuerySet[Attestation]:
    if cursor is None:
        return found
    match = _CURSOR.match(cursor)
    if match is None:
        raise MalformedError("not a place in this list")
    at = _EPOCH + timedelta(microseconds=int(match[1]))
    # Written so that the index on (time, id) is walked from here on, which an OR would prevent.
    return found.filter(verdict_at__lte=at).exclude(verdict_at=at, id__gte=UUID(match[2]))


def _cursor(attestation: Attestation) -> str:
    return f"{(attestation.verdict_at - _EPOCH) // timedelta(microseconds=1)}-{attestation.pk.hex}"


def _release(attestation: Attestation) -> tuple[bytes, bytes] | None:
    if attestation.release is None:
        return None
    members = read_json(attestation.release)
    return b64decode(members["manifest"]), b64decode(members["signature"])


def describe_verdict(attestation: Attestation) -> dict[str, Any]:
    """Return what was found of a record, and when, as an archive tells it."""
    times = ("requested_at", "evidence_at", "verdict_at", "opened_at", "valid_until")
    return {
        "outcome": attestation.outcome,
        "server_outcome": attestation.server_outcome,
        "client_outcome": attestation.client_outcome or None,
        "accepted_risk": attestation.accepted_risk,
        "failing_check": attestation.failing_check or None,
        "failing_code": attestation.failing_code or None,
        "verifier": read_json(attestation.verifier),
        "error": _error(attestation.error_code),
        **({"others": others} if (others := read_others(attestation)) else {}),
        "tcb_status": attestation.tcb_status or None,
        **{name: _time(getattr(attestation, name)) for name in times},
    }


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")

"""Drafts of reference releases: what machines and builds say, joined into one manifest that is then signed elsewhere.

A draft is a manifest (attestation/reference_values.py) whose version and dates do not count yet. Nothing here is
trusted: what counts is the signature, and whoever signs reads the manifest first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from attestation.encoding import parse_json
from attestation.errors import MalformedError
from attestation.members import unhex
from attestation.policy import MEASUREMENTS
from attestation.quote import parse_quote
from attestation.reference_values import check_manifest

# These say of which release a draft is, and until when: they are given when drafts become a manifest.
_GIVEN = ("version", "issued_at", "expires_at")
OPEN = "log"
"""In place of a value for RTMR3: no fixed value, the event log explains it."""


def measured_in(quote: bytes, *, rtmr3_is_open: bool) -> dict[str, str | None]:
    """Return what a quote measures, as a manifest says it; with an open RTMR3 the event log has to explain that.

    Parses, does not verify. Raises `MalformedError`.
    """
    report = parse_quote(quote).report
    values: dict[str, str | None] = {name: getattr(report, name).hex() for name in MEASUREMENTS}
    return {**values, "rtmr3": None} if rtmr3_is_open else values


def with_registers(measured: Mapping[str, Any], changes: Mapping[str, str]) -> dict[str, Any]:
    """Return a set of measurements with some of them replaced, from what a build computes.

    Raises:
        MalformedError: an unknown name, or a value that is neither hex nor, for RTMR3, `log`.
    """
    unknown = sorted(set(changes) - set(MEASUREMENTS))
    if unknown:
        raise MalformedError(f"there is no measurement {unknown[0]}; the names are {', '.join(MEASUREMENTS)}")
    return {**measured, **{name: _register(name, value) for name, value in changes.items()}}


def join_drafts(drafts: Sequence[bytes], *, version: str, now: datetime, days: int) -> bytes:
    """Join drafts of one program into one manifest: several machines, shapes and models, each counted once.

    Raises:
        MalformedError: a draft is no manifest, or they are not of the same program and kind of platform.
    """
    members = [parse_draft(draft) for draft in drafts]
    joined = dict(members[0])
    for other in members[1:]:
        if set(other) != set(joined):
            raise MalformedError("the drafts are of different forms")
        joined = {name: _join(name, joined[name], other[name]) for name in joined}
    joined |= {
        "version": version,
        "issued_at": int(now.timestamp()),
        "expires_at": int((now + timedelta(days=days)).timestamp()),
    }
    manifest = json.dumps(joined, ensure_ascii=False, separators=(",", ":")).encode()
    check_manifest(manifest)
    return manifest


def parse_draft(draft: bytes) -> dict[str, Any]:
    """Return a draft's members; raises `MalformedError` where it has not the form of a manifest."""
    check_manifest(draft)
    members: dict[str, Any] = parse_json(draft)
    return members


def _join(name: str, first: Any, second: Any) -> Any:
    if name in _GIVEN or first == second:
        return first
    if isinstance(first, list):
        return [*first, *(item for item in second if item not in first)]
    if isinstance(first, dict):
        differing = sorted(path for path in {*first, *second} if first.get(path) != second.get(path))
        raise MalformedError(f"the drafts are of different programs: {_few(differing)}")
    raise MalformedError(f"the drafts differ in {name}")


def _few(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")


def _register(name: str, value: str) -> str | None:
    if name == "rtmr3" and value == OPEN:
        return None
    return unhex(value).hex()

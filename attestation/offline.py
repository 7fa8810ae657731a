"""Judging a bundle again, under anchors of one's own, at its own time or another. No Django, no network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from attestation.appraisal import AttestationResult, appraise
from attestation.bundle import Bundle
from attestation.errors import MalformedError
from attestation.pki import INTEL_ROOT_CA_SHA256
from attestation.policy import Expectation, Policy
from attestation.reference_values import ReferenceRelease, RefusedRelease, parse_releases
from attestation.statement import LIFETIME_S, Statement, parse_statement
from attestation.token import TokenIssuer

CLOCK_SKEW_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchors:
    """What the person who judges knows and trusts; None and empty mean not known, and are never a pass."""

    nonce: bytes | None
    conversation: str | None
    origin: str | None
    suites: tuple[str, ...] | None
    log_key: bytes | None
    release_keys: tuple[bytes, ...]
    token_issuer: TokenIssuer | None
    simulator_root_sha256: bytes | None
    accepted_tcb_statuses: frozenset[str]
    refused_advisories: frozenset[str]
    service_tds: frozenset[bytes]
    min_release_version: str
    min_tcb_evaluation_data_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """A judgement: `judged_at` is the evidence's own time where nobody gave one, and then freshness is not checked."""

    bundle: Bundle
    anchors: Anchors
    result: AttestationResult
    judged_at: datetime
    time_was_given: bool


def verify_bundle(bundle: Bundle, *, anchors: Anchors, now: datetime | None) -> Verification:
    """Appraise a bundle's evidence; `now` None means the time at which the evidence says that it was made.

    Raises:
        MalformedError: no time was given, and the statement that would name one cannot be read.
        ConfigurationError: an anchor is not a key.
    """
    judged_at = now or _stated_time(bundle)
    result = appraise(
        bundle.evidence,
        policy=_policy(anchors),
        expectation=_expectation(bundle, anchors, now=judged_at, time_was_given=now is not None),
        releases=_releases(bundle, anchors),
        token=bundle.token,
    )
    return Verification(
        bundle=bundle, anchors=anchors, result=result, judged_at=judged_at, time_was_given=now is not None
    )


def is_loopback(origin: str) -> bool:
    """Say whether an origin's host is exactly localhost, 127.0.0.0/8 or [::1]."""
    try:
        host = urlsplit(origin).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _stated_time(bundle: Bundle) -> datetime:
    """Return when the evidence was sent, as the archive says and the statement's own times allow."""
    statement = parse_statement(bundle.evidence.statement)
    try:
        first, last = (datetime.fromtimestamp(at, UTC) for at in (statement.issued_at, statement.expires_at))
        sent = datetime.fromisoformat(str(bundle.verdict.get("evidence_at")))
        return min(max(sent, first), last)
    except (OverflowError, TypeError, ValueError, OSError) as error:
        raise MalformedError("the evidence names no time that exists; give one with --now") from error


def _policy(anchors: Anchors) -> Policy:
    return Policy(
        name="offline",
        enforcement="require",
        root_sha256=frozenset({INTEL_ROOT_CA_SHA256}),
        simulator_root_sha256=anchors.simulator_root_sha256,
        accepted_tcb_statuses=anchors.accepted_tcb_statuses,
        refused_advisories=anchors.refused_advisories,
        min_tcb_evaluation_data_number=anchors.min_tcb_evaluation_data_number,
        service_tds=anchors.service_tds,
        min_release_version=anchors.min_release_version,
        token_issuer=anchors.token_issuer,
        max_lifetime_s=LIFETIME_S,
        clock_skew_s=CLOCK_SKEW_S,
    )


def _expectation(bundle: Bundle, anchors: Anchors, *, now: datetime, time_was_given: bool) -> Expectation:
    return Expectation(
        nonce=anchors.nonce,
        conversation=anchors.conversation,
        origin=anchors.origin,
        suites=anchors.suites,
        deployment_key=anchors.log_key,
        now=now,
        # Nobody waits for an answer here: a given time alone decides on freshness, and without one it is unknown.
        elapsed_s=0.0 if time_was_given else None,
        loopback=is_loopback(anchors.origin or _stated_origin(bundle)),
        log_view=None,
    )


def _stated_origin(bundle: Bundle) -> str:
    statement = _statement(bundle)
    return "" if statement is None else statement.origin


def _statement(bundle: Bundle) -> Statement | None:
    try:
        return parse_statement(bundle.evidence.statement)
    except MalformedError:
        return None


def _releases(bundle: Bundle, anchors: Anchors) -> tuple[ReferenceRelease | RefusedRelease, ...]:
    """Read the bundle's release under each known key: one good signature is enough."""
    if bundle.release is None:
        return ()
    found = [item for key in anchors.release_keys for item in parse_releases([bundle.release], release_key=key)]
    return _genuine(found) or tuple(found[:1])


def _genuine(found: Iterable[ReferenceRelease | RefusedRelease]) -> tuple[ReferenceRelease, ...]:
    return tuple(item for item in found if isinstance(item, ReferenceRelease))

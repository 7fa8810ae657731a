"""A record verified again: with its own lists at its own time, and as a machine of today with today's lists."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from asgiref.sync import async_to_sync
from django.conf import settings
from django.utils.module_loading import import_string

from attestation import publication
from attestation.collateral import Collateral
from attestation.errors import AttestationError, MalformedError
from attestation.evidence import Evidence
from attestation.models import Attestation
from attestation.offline import Anchors, Today, Verification, verify_bundle
from attestation.policy import NO_CONVERSATION
from attestation.records import read_bundle, read_json
from attestation.search import Wanted, newest_first
from attestation.statement import parse_statement
from attestation.verified import VerifiedCache

CollateralSource = Callable[[bytes], Awaitable[Collateral]]

# So many of the newest records are looked through for one of the same platform.
_MOST_SEARCHED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What verifying again found. `lists`: where today's lists came from; `stored_at` is when the stored ones came."""

    verification: Verification
    lists: Literal["fetched", "stored", "none"]
    stored_at: datetime | None


def verify_again(attestation: Attestation, *, now: datetime, cache: VerifiedCache | None = None) -> Again:
    """Verify a record under this installation's own keys and policy of today.

    Nobody's word about the question is taken from the record itself: its nonce and key exchange count as not known.

    Raises:
        MalformedError: the statement cannot be read, so that nothing says when it was made.
        ConfigurationError: a key of this installation is missing.
    """
    bundle = read_bundle(attestation)
    today, lists, stored_at = _todays_lists(attestation, bundle.evidence, now=now)
    anchors = own_anchors(attestation)
    verification = verify_bundle(bundle, anchors=anchors, at=None, today=today, cache=cache)
    return Again(verification=verification, lists=lists, stored_at=stored_at)


def _todays_lists(
    attestation: Attestation, evidence: Evidence, *, now: datetime
) -> tuple[Today | None, Literal["fetched", "stored", "none"], datetime | None]:
    """Fetch the lists for the record's platform, or take those of the newest record of the same platform."""
    source: CollateralSource = import_string(settings.CONFCHAT_COLLATERAL_SOURCE)
    try:
        return Today(collateral=async_to_sync(source)(evidence.quote), time=now), "fetched", None
    except AttestationError:
        newest = _newest_of_platform(attestation)
        if newest is None:
            return None, "none", None
        collateral = Collateral.from_wire(read_json(newest.collateral))
        return Today(collateral=collateral, time=now), "stored", newest.verdict_at


def _newest_of_platform(attestation: Attestation) -> Attestation | None:
    newest = newest_first(Wanted()).select_related("collateral")[:_MOST_SEARCHED]
    same = (item for item in newest if item.quote_certificates_id == attestation.quote_certificates_id)
    return next(same, None)


def own_anchors(attestation: Attestation) -> Anchors:
    """Return what this installation trusts today, and what it may know of a record's question."""
    keys, release_key = publication.public_keys(), publication.release_key()
    return Anchors(
        gpu_keys=publication.gpu_keys(),
        nonce=None,
        conversation=NO_CONVERSATION if attestation.conversation is None else str(attestation.conversation),
        origin=_own_origin(attestation),
        suites=None,
        log_key=keys.log_key,
        release_keys=() if release_key is None else (release_key,),
        token_issuers=keys.token_issuers,
        simulator_root_sha256=_simulator_root(),
        policy=publication.policy(),
    )


def _own_origin(attestation: Attestation) -> str:
    """Return the one of this installation's origins that the statement names, or the first: then they differ."""
    origins: tuple[str, ...] = settings.CONFCHAT_ORIGINS
    try:
        stated = parse_statement(bytes(attestation.statement)).origin
    except MalformedError:
        return origins[0]
    return stated if stated in origins else origins[0]


def _simulator_root() -> bytes | None:
    """Return SHA-256 of the simulator's root, in development only."""
    if not settings.CONFCHAT_DEVELOPMENT:
        return None
    try:
        return hashlib.sha256((settings.CONFCHAT_SIMULATOR_DIR / "root.der").read_bytes()).digest()
    except FileNotFoundError:
        return None

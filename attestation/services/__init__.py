"""Attestation services: one protocol, evidence in, verdict out, whoever verifies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from attestation.errors import ConfigurationError
from attestation.policy import Policy, Trust
from attestation.reference_values import ReferenceRelease
from attestation.services.embedded import create_application
from attestation.services.service import AttestationService, CollateralSource, embedded_issuer
from attestation.services.trustee import TrusteeVerifier
from attestation.services.verdict import Verdict, Verifier, VerifierInfo
from attestation.token import TokenIssuer

__all__ = [
    "AttestationService",
    "CollateralSource",
    "Verdict",
    "Verifier",
    "VerifierInfo",
    "choose_verifier",
    "create_application",
    "embedded_issuer",
    "embedded_verifier",
    "remote_verifier",
]

# A name that no resolver knows: requests to it reach the application in this process, or nothing.
EMBEDDED_URL = "http://embedded.invalid"
DEFAULT_TIMEOUT_S = 15.0


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def choose_verifier(*, url: str | None, issuer: TokenIssuer | None, service: AttestationService | None) -> Verifier:
    """Return the verifier that the settings name: a remote one with its pinned issuer, else the embedded one.

    Raises:
        ConfigurationError: a remote service without a pinned key, or none at all.
    """
    if url:
        if issuer is None:
            raise ConfigurationError(f"the attestation service {url} has no pinned token key: nothing it says counts")
        return remote_verifier(url, issuer=issuer)
    if service is None:
        raise ConfigurationError("there is no attestation service, neither embedded nor elsewhere")
    return _embedded(service)


def embedded_verifier(
    *,
    key: EllipticCurvePrivateKey,
    policy: Policy,
    trust: Trust,
    releases: Sequence[ReferenceRelease],
    collateral: CollateralSource,
    simulator_root: bytes | None,
    clock: Callable[[], datetime] = utc_now,
) -> Verifier:
    """Return the verifier that runs in this process, with its own signing key and its own source of collateral."""
    service = AttestationService(
        key=key,
        policy=policy,
        trust=trust,
        releases=releases,
        collateral=collateral,
        simulator_root=simulator_root,
        clock=clock,
    )
    return _embedded(service)


def remote_verifier(
    url: str,
    *,
    issuer: TokenIssuer,
    transport: httpx.AsyncBaseTransport | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    clock: Callable[[], datetime] = utc_now,
) -> Verifier:
    """Return a Trustee service elsewhere as a verifier."""
    return TrusteeVerifier(
        url,
        kind="trustee",
        issuer=issuer,
        transport=transport or httpx.AsyncHTTPTransport(),
        timeout_s=timeout_s,
        clock=clock,
    )


def _embedded(service: AttestationService) -> Verifier:
    return TrusteeVerifier(
        EMBEDDED_URL,
        kind="embedded",
        issuer=service.issuer,
        transport=httpx.ASGITransport(create_application(service)),
        timeout_s=DEFAULT_TIMEOUT_S,
        clock=service.clock,
    )

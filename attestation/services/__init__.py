"""Attestation services: one protocol, evidence in, verdict out, whoever verifies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from attestation.issuer import TokenIssuer
from attestation.policy import Policy, Trust
from attestation.reference_values import ReferenceRelease
from attestation.services.caller import DEFAULT_TIMEOUT_S, ServiceCaller
from attestation.services.description import Description, build_verifier, read_description
from attestation.services.embedded import create_application
from attestation.services.panel import Panel
from attestation.services.remote import RemoteVerifier
from attestation.services.service import AttestationService, CollateralSource, embedded_issuer
from attestation.services.trustee import TrusteeDialect
from attestation.services.verdict import Verdict, Verifier, VerifierInfo

__all__ = [
    "AttestationService",
    "CollateralSource",
    "Description",
    "Panel",
    "Verdict",
    "Verifier",
    "VerifierInfo",
    "build_verifier",
    "create_application",
    "embedded_issuer",
    "embedded_verifier",
    "read_description",
    "remote_verifier",
    "service_verifier",
]

# A name that no resolver knows: requests to it reach the application in this process, or nothing.
EMBEDDED_URL = "http://embedded.invalid"


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


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
    return service_verifier(service)


def service_verifier(service: AttestationService) -> Verifier:
    """Return a service of this process as a verifier."""
    transport = httpx.ASGITransport(create_application(service))
    return _trustee(
        EMBEDDED_URL,
        kind="embedded",
        issuer=service.issuer,
        transport=transport,
        timeout_s=DEFAULT_TIMEOUT_S,
        clock=service.clock,
    )


def remote_verifier(
    url: str,
    *,
    issuer: TokenIssuer,
    transport: httpx.AsyncBaseTransport | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    clock: Callable[[], datetime] = utc_now,
) -> Verifier:
    """Return a Trustee service elsewhere as a verifier."""
    return _trustee(
        url,
        kind="trustee",
        issuer=issuer,
        transport=transport or httpx.AsyncHTTPTransport(),
        timeout_s=timeout_s,
        clock=clock,
    )


def _trustee(
    url: str,
    *,
    kind: str,
    issuer: TokenIssuer,
    transport: httpx.AsyncBaseTransport,
    timeout_s: float,
    clock: Callable[[], datetime],
) -> Verifier:
    caller = ServiceCaller(url, transport=transport, timeout_s=timeout_s)
    dialect = TrusteeDialect(caller, issuer=issuer, era="auto", policy_ids=issuer.policies)
    return RemoteVerifier(dialect, info=VerifierInfo.of(issuer, kind=kind, url=url), issuer=issuer, clock=clock)

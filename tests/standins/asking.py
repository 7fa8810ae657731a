"""Asking a stand-in as the product does: by an operator's description, with the stand-in for the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from attestation.evidence import Evidence
from attestation.issuer import TokenIssuer
from attestation.services.description import Description, Kind, build_verifier
from attestation.services.remote import RemoteVerifier
from attestation.services.verdict import Verdict
from attestation.statement import report_data
from tests.attestation.scene import NOW, Scene
from tests.standins.alibaba import Alibaba
from tests.standins.service import StandIn
from tests.standins.trust_authority import API_KEY, TrustAuthority
from tests.standins.trustee import SimpleTrustee, Trustee

KINDS: dict[str, type[StandIn]] = {
    "trustee": Trustee,
    "trustee-0.13": SimpleTrustee,
    "alibaba": Alibaba,
    "trust-authority": TrustAuthority,
}


def stand_in(kind: str) -> StandIn:
    return KINDS[kind](now=lambda: NOW)


def describe(service: StandIn, *, token: TokenIssuer | None = None, **changes: Any) -> Description:
    """Return a description of a stand-in; the API key's file is for Intel's alone."""
    kinds: dict[str, Kind] = {"oidc": "alibaba", "trust-authority": "trust-authority"}
    parts: dict[str, Any] = {
        "kind": kinds.get(service.form, "trustee"),
        "url": "http://service.test",
        "token": token or service.pinned(),
        "era": "auto",
        "version": "v2",
        "keys_url": "http://service.test" if service.form == "trust-authority" else None,
        "api_key_file": None,
        "authorities": None,
        "tls_pins": (),
        "timeout_s": 5,
    }
    return Description(**(parts | changes))


def verifier_of(
    service: StandIn, scene: Scene, directory: Path, *, with_machine: bool = True, **changes: Any
) -> RemoteVerifier:
    """Return the product's verifier with this stand-in at the other end."""
    key = directory / "api-key"
    key.write_text(API_KEY + "\n")
    described = describe(service, **{"api_key_file": key, **changes})

    async def quote(report_data: bytes) -> bytes:
        return scene.quote(report_data)

    return build_verifier(
        described,
        clock=lambda: scene.now,
        quote=quote if with_machine else None,
        transport=httpx.ASGITransport(service),
    )


async def ask(
    service: StandIn, scene: Scene, directory: Path, evidence: Evidence | None = None, **changes: Any
) -> Verdict:
    """Have a stand-in judge evidence."""
    evidence = evidence or scene.evidence()
    verifier = verifier_of(service, scene, directory, **changes)
    try:
        return await verifier.verify(evidence, report_data=report_data(evidence.statement))
    finally:
        await verifier.aclose()

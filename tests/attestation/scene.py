"""A whole deployment in miniature, of the product's own parts: a simulated platform, a release, keys and a service."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from attestation.appraisal import appraise
from attestation.bundle import Bundle
from attestation.collateral import Collateral
from attestation.eventlog import build_ccel, write_aael
from attestation.evidence import Evidence
from attestation.issuer import TokenIssuer
from attestation.log.key import LogKey
from attestation.named_policies import load_policy
from attestation.pki import INTEL_ROOT_CA_SHA256
from attestation.policy import Expectation, Policy, Trust
from attestation.public_keys import PublicKeys
from attestation.reference_models import ModelServer, ReferenceModel
from attestation.reference_values import Measurements, ReferenceRelease, build_manifest, parse_release, sign_manifest
from attestation.services import (
    AttestationService,
    Verdict,
    Verifier,
    create_application,
    embedded_issuer,
    remote_verifier,
)
from attestation.simulator.boot import RELEASE, boot_events
from attestation.simulator.platform import Platform
from attestation.simulator.td_report import Td
from attestation.statement import EMPTY_LOG_ROOT, Statement, build_statement, report_data
from attestation.token import verify_token
from tests.measured import lines_of, rtmr3_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ORIGIN = "http://localhost:8000"
CONVERSATION = "6f0a1c3e-2f54-4f0e-9a3b-0d2f6b1f7c11"
NONCE = bytes(range(32))
SUITE = "X25519"
KEM_KEY = bytes(range(32, 64))
SERVICE_URL = "http://service.test"
LOG_ORIGIN = "localhost:8000/attestation-log"
MODEL = ("smollm2:135m", "sha256:" + "5a" * 32)


class FixedCollateral:
    """A source that has one platform's collateral, or raises what it was given instead."""

    def __init__(self, answer: Collateral | Exception) -> None:
        self.answer = answer

    async def collateral_for(self, quote: bytes) -> Collateral:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One deployment at one moment."""

    platform: Platform
    collateral: Collateral
    log_private_key: Ed25519PrivateKey
    release_key: Ed25519PrivateKey
    release: ReferenceRelease
    token_key: EllipticCurvePrivateKey
    now: datetime = NOW

    @property
    def log_key(self) -> LogKey:
        return LogKey(LOG_ORIGIN, self.log_private_key)

    @property
    def token_issuer(self) -> TokenIssuer:
        return embedded_issuer(self.token_key)

    @property
    def keys(self) -> PublicKeys:
        return PublicKeys(
            log_origin=self.log_key.origin,
            log_key=self.log_key.public,
            release_key=self.release_key.public_key().public_bytes_raw(),
            token_issuers=(self.token_issuer,),
        )

    @property
    def policy(self) -> Policy:
        return load_policy("development")

    @property
    def trust(self) -> Trust:
        return Trust(
            root_sha256=frozenset({INTEL_ROOT_CA_SHA256}),
            simulator_root_sha256=hashlib.sha256(self.platform.root_der).digest(),
            gpu_keys=(),
            token_issuers=(self.token_issuer,),
        )

    @property
    def expectation(self) -> Expectation:
        return Expectation(
            nonce=NONCE,
            conversation=CONVERSATION,
            origin=ORIGIN,
            suites=(SUITE,),
            deployment_key=self.log_key.public,
            now=self.now,
            elapsed_s=0.1,
            loopback=True,
            log_view=None,
        )

    def service(self, **changes: Any) -> AttestationService:
        """Return the embedded service of this deployment; `changes` replace its parts."""
        parts: dict[str, Any] = {
            "key": self.token_key,
            "policy": self.policy,
            "trust": self.trust,
            "releases": (self.release,),
            "collateral": FixedCollateral(self.collateral),
            "simulator_root": self.platform.root_der,
            "clock": lambda: self.now,
        }
        return AttestationService(**(parts | changes))

    def evidence(self, *, td: Td | None = None, **statement: Any) -> Evidence:
        """Return evidence for a statement with these members changed, quoted by the platform."""
        data = build_statement(replace(self.statement(), **statement))
        lines = lines_of(self.release)
        td = replace(td or Td(report_data=bytes(64)), report_data=report_data(data), rtmr3=rtmr3_of(lines))
        return Evidence(
            statement=data,
            deployment_sig=self.log_key.sign_statement(data),
            kem_key=KEM_KEY,
            quote=self.platform.quote(td),
            collateral=self.collateral,
            ccel=build_ccel(boot_events(RELEASE)),
            aael=write_aael(bytes(48), lines),
            trust_anchor="simulator",
            simulator_root=self.platform.root_der,
        )

    def quote(self, data: bytes) -> bytes:
        """Return a quote of this machine over other report data."""
        return self.platform.quote(Td(report_data=data, rtmr3=rtmr3_of(lines_of(self.release))))

    def statement(self) -> Statement:
        issued_at = int(self.now.timestamp())
        return Statement(
            nonce=NONCE,
            conversation=CONVERSATION,
            origin=ORIGIN,
            issued_at=issued_at,
            expires_at=issued_at + 600,
            instance=bytes(16),
            kem_suite=SUITE,
            kem_key_sha256=hashlib.sha256(KEM_KEY).digest(),
            model_name=MODEL[0],
            model_digest=MODEL[1],
            model_backend="test/1",
            release_version=self.release.version,
            release_digest=self.release.digest,
            policy="require",
            model_endpoint="loopback",
            development=True,
            log_origin=LOG_ORIGIN,
            log_size=0,
            log_root=EMPTY_LOG_ROOT,
        )


@cache
def build_scene() -> Scene:
    """Build the one deployment that tests share; everything in it is a value."""
    release_key = Ed25519PrivateKey.from_private_bytes(bytes([7] * 32))
    platform = Platform.create(NOW - timedelta(days=30), seed=bytes(32))
    return Scene(
        platform=platform,
        collateral=platform.collateral(NOW - timedelta(days=1)),
        log_private_key=Ed25519PrivateKey.from_private_bytes(bytes([9] * 32)),
        release_key=release_key,
        release=build_release(release_key),
        token_key=derive_private_key(11, SECP256R1()),
    )


def build_release(key: Ed25519PrivateKey, *, td: Td | None = None) -> ReferenceRelease:
    """Sign a release whose measurements are those of a TD, by default the simulator's own."""
    td = td or Td(report_data=bytes(64))
    names = tuple(Measurements.__dataclass_fields__)
    manifest = build_manifest(
        version="0.1.0",
        issued_at=int((NOW - timedelta(days=1)).timestamp()),
        expires_at=int((NOW + timedelta(days=365)).timestamp()),
        platform="simulator",
        measurements=[replace(Measurements(**{name: getattr(td, name) for name in names}), rtmr3=None)],
        models=[ReferenceModel(name=MODEL[0], digest=MODEL[1], blobs=())],
        model_servers=[ModelServer(server="test/1", binary=MODEL[1], settings=())],
        files={},
    )
    public = key.public_key().public_bytes_raw()
    return parse_release(manifest, sign_manifest(manifest, key), release_key=public)


def pinned_client(scene: Scene, service: AttestationService) -> Verifier:
    """Return a client that pins this deployment's key, whatever key the service signs with."""
    transport = httpx.ASGITransport(create_application(service))
    return remote_verifier(SERVICE_URL, issuer=scene.token_issuer, transport=transport, clock=lambda: scene.now)


async def ask(scene: Scene, service: AttestationService, evidence: Evidence) -> Verdict:
    """Have a service in this process judge evidence."""
    return await pinned_client(scene, service).verify(evidence, report_data=report_data(evidence.statement))


def claims_of(scene: Scene, verdict: Verdict) -> dict[str, Any]:
    """Return the claims of a verdict's token, verified."""
    assert verdict.token is not None, verdict.error_code
    return dict(verify_token(verdict.token, scene.token_issuer, now=scene.now))


async def affirmed_bundle(scene: Scene) -> Bundle:
    """Return the bundle of an attestation that was affirmed."""
    evidence = scene.evidence()
    verdict = await ask(scene, scene.service(), evidence)
    result = appraise(
        evidence,
        policy=scene.policy,
        trust=scene.trust,
        expectation=scene.expectation,
        releases=(scene.release,),
        answers=verdict.answers,
    )
    assert result.outcome == "affirming"
    sent = scene.now + timedelta(milliseconds=20)
    return Bundle(
        record="0b8c2d35-6d0f-4a70-9f53-5f4d7d9b3c55",
        evidence=evidence,
        verdict={
            "server_outcome": result.outcome,
            "verifier": verdict.verifier.to_wire(),
            "evidence_at": sent.isoformat(),
            "trust_anchor": "simulator",
        },
        checks=result.to_wire_checks(),
        token=verdict.token,
        release=(scene.release.manifest, scene.release.signature),
        keys=scene.keys.to_wire(),
    )

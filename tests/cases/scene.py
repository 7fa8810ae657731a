"""One handshake with the simulated platform, every part of it an argument: what the verifiers' cases are made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from attestation.collateral import Collateral
from attestation.encoding import b64encode
from attestation.eventlog import Event, application_event, build_ccel, replay, write_aael
from attestation.named_policies import load_policy
from attestation.policy_text import policy_members
from attestation.reference_models import ModelServer, ReferenceModel
from attestation.reference_values import Measurements, build_manifest, sign_manifest
from attestation.simulator.boot import RELEASE, boot_events
from attestation.simulator.pki import Signer, derive_key, sign_raw
from attestation.simulator.platform import Platform
from attestation.simulator.quotes import BODY_TDX_1_5, QuotingEnclave, build_quote
from attestation.simulator.td_report import Td
from attestation.statement import (
    EMPTY_LOG_ROOT,
    Statement,
    build_statement,
    deployment_message,
    report_data,
)
from attestation.token import public_jwk
from attestation.workload import MeasuredApplication, MeasuredModel, files_digest, write_event

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CREATED_AT = NOW - timedelta(days=2)
ISSUED_AT = NOW - timedelta(hours=1)
SEED = b"tests/cases"
PLATFORM = Platform.create(CREATED_AT, seed=SEED)
COLLATERAL = PLATFORM.collateral(ISSUED_AT)
OTHER_PLATFORM = Platform.create(CREATED_AT, seed=b"tests/cases, another platform")

DEPLOYMENT_KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"deployment").digest())
RELEASE_KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"release").digest())
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"another").digest())
TOKEN_KEY = derive_key(SEED, "attestation service")
OTHER_TOKEN_KEY = derive_key(SEED, "another attestation service")

ORIGIN = "http://127.0.0.1:8000"
CONVERSATION = "0b9d8f0e-6f0a-4c53-9a5e-0d2a1f6c7b11"
NONCE = hashlib.sha256(b"nonce").digest()
MODEL = ("smollm2:135m", "sha256:" + hashlib.sha256(b"model").hexdigest())
TOKEN_ISSUER = "urn:confchat:attestation-service"
TOKEN_AUDIENCE = "urn:confchat:relying-party"
LOG_ORIGIN = "127.0.0.1/attestation-log"
FOREIGN_EVENT = "agent.example/guest started 1.2.3"
BLOBS = tuple("sha256:" + hashlib.sha256(name).hexdigest() for name in (b"config", b"weights"))
FILES = {"static/js/main.js": hashlib.sha256(b"main.js").hexdigest(), "manage.py": hashlib.sha256(b"").hexdigest()}
SERVER = ModelServer(
    server="ollama/0.12.3",
    binary="sha256:" + hashlib.sha256(b"ollama").hexdigest(),
    settings=("OLLAMA_DEBUG=0", "OLLAMA_NO_CLOUD=1"),
)
KEM_KEYS = {"MLKEM768-X25519": hashlib.shake_256(b"kem").digest(1216), "X25519": hashlib.sha256(b"kem").digest()}

POLICY: dict[str, Any] = {
    **policy_members(load_policy("development")),
    "min_tcb_evaluation_data_number": 17,
    "accepted_tcb_statuses": ["UpToDate", "SWHardeningNeeded"],
    "workload": "require",
}
TRUST: dict[str, Any] = {
    "simulator_root_sha256": hashlib.sha256(PLATFORM.root_der).hexdigest(),
    "release_key": b64encode(RELEASE_KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
    "tokens": [
        {
            "name": "embedded",
            "form": "ear",
            "issuer": TOKEN_ISSUER,
            "audience": TOKEN_AUDIENCE,
            "algorithm": "ES256",
            "keys": [public_jwk(TOKEN_KEY.public_key(), "test")],
            "root_sha256": [],
            "policies": [],
            "max_lifetime_s": 3600,
        }
    ],
    "gpu_keys": [],
}
EXPECTATION: dict[str, Any] = {
    "nonce": b64encode(NONCE),
    "conversation": CONVERSATION,
    "origin": ORIGIN,
    "suites": ["MLKEM768-X25519", "X25519"],
    "deployment_key": b64encode(DEPLOYMENT_KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
    "elapsed_s": 0.25,
    "loopback": True,
    "log_view": None,
}

Changes = Mapping[str, Any]


def measure(td: Td) -> Measurements:
    """Return what a reference release says of this TD; RTMR3 is left to the event log."""
    names = Measurements.__dataclass_fields__
    return replace(Measurements(**{name: getattr(td, name) for name in names}), rtmr3=None)


def measured_lines(manifest: bytes) -> list[str]:
    """Return what a machine that runs a release measures."""
    release = "sha256:" + hashlib.sha256(manifest).hexdigest()
    application = MeasuredApplication(release=release, files=files_digest(json.loads(manifest)["files"]), differs=())
    model = MeasuredModel(name=MODEL[0], manifest=MODEL[1], blobs=BLOBS)
    return [write_event(application), write_event(SERVER), FOREIGN_EVENT, write_event(model)]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A handshake that deserves to be affirmed; `replace` what a case is about, and the rest stays signed and bound.

    `boot` is what the firmware and the kernel measured, `workload` changes the lines that the application measures;
    for both, None is no log.
    `td`, `statement`, `release`, `claims`, `header`, `policy`, `trust` and `expectation` change the good values;
    `spoiled` replaces members of the finished case, after everything was signed.
    """

    platform: Platform = PLATFORM
    version: int = 4
    body_type: int = BODY_TDX_1_5
    td: Changes = field(default_factory=dict)
    boot: tuple[Event, ...] | None = boot_events(RELEASE)
    workload: Callable[[list[str]], list[str] | None] = list
    enclave: QuotingEnclave = PLATFORM.enclave
    pck: Signer = PLATFORM.pki.pck
    collateral: Collateral = COLLATERAL
    statement: Changes = field(default_factory=dict)
    reserialise: Callable[[bytes], bytes] = bytes
    suite: str = "MLKEM768-X25519"
    release: Changes = field(default_factory=dict)
    release_key: Ed25519PrivateKey = RELEASE_KEY
    claims: Changes = field(default_factory=dict)
    submodule: Changes = field(default_factory=dict)
    body_claims: Changes = field(default_factory=dict)
    header: Changes = field(default_factory=dict)
    token_key: ec.EllipticCurvePrivateKey = TOKEN_KEY
    policy: Changes = field(default_factory=dict)
    trust: Changes = field(default_factory=dict)
    expectation: Changes = field(default_factory=dict)
    now: datetime = NOW
    spoiled: Changes = field(default_factory=dict)

    def build(self) -> dict[str, Any]:
        """Return the whole case in wire form."""
        manifest = self._manifest()
        statement = self.reserialise(build_statement(self._statement(manifest)))
        lines = self.workload(measured_lines(manifest))
        rtmr3 = replay(application_event(line) for line in lines or ())[3]
        td = replace(Td(report_data=report_data(statement), rtmr3=rtmr3), **self.td)
        quote = build_quote(td, enclave=self.enclave, pck=self.pck, version=self.version, body_type=self.body_type)
        case = {
            "evidence": {
                "statement": b64encode(statement),
                "deployment_sig": b64encode(DEPLOYMENT_KEY.sign(deployment_message(statement))),
                "kem_key": b64encode(KEM_KEYS[self.suite]),
                "quote": b64encode(quote),
                "collateral": self.collateral.to_wire(),
                "event_log": {
                    "ccel": None if self.boot is None else b64encode(build_ccel(self.boot)),
                    "aael": None if lines is None else write_aael(bytes(48), lines),
                },
                "trust_anchor": "simulator",
                "simulator_root": b64encode(self.platform.root_der),
            },
            "policy": {**POLICY, **self.policy},
            "trust": {**TRUST, **self.trust},
            "expectation": {**EXPECTATION, **self.expectation},
            "releases": [
                {
                    "manifest": b64encode(manifest),
                    "signature": b64encode(sign_manifest(manifest, self.release_key)),
                }
            ],
            "token": self._token(td),
            "others": [],
            "now": int(self.now.timestamp()),
        }
        return apply(case, self.spoiled)

    def _manifest(self) -> bytes:
        good: dict[str, Any] = {
            "version": "0.1.0",
            "issued_at": int(CREATED_AT.timestamp()),
            "expires_at": int((NOW + timedelta(days=90)).timestamp()),
            "platform": "simulator",
            "measurements": [measure(Td(report_data=bytes(64)))],
            "models": [ReferenceModel(name=MODEL[0], digest=MODEL[1], blobs=BLOBS)],
            "model_servers": [SERVER],
            "files": FILES,
            "events": [FOREIGN_EVENT],
        }
        return build_manifest(**{**good, **self.release})

    def _statement(self, manifest: bytes) -> Statement:
        issued_at = int(NOW.timestamp()) - 5
        good = Statement(
            nonce=NONCE,
            conversation=CONVERSATION,
            origin=ORIGIN,
            issued_at=issued_at,
            expires_at=issued_at + 600,
            instance=hashlib.sha256(b"instance").digest()[:16],
            kem_suite=self.suite,
            kem_key_sha256=hashlib.sha256(KEM_KEYS[self.suite]).digest(),
            model_name=MODEL[0],
            model_digest=MODEL[1],
            model_backend="xllamacpp/2026.10.11549",
            release_version="0.1.0",
            release_digest=hashlib.sha256(manifest).digest(),
            policy="require",
            model_endpoint="loopback",
            development=True,
            log_origin=LOG_ORIGIN,
            log_size=0,
            log_root=EMPTY_LOG_ROOT,
        )
        return replace(good, **self.statement)

    def _token(self, td: Td) -> str:
        issued_at = int(NOW.timestamp())
        body = {
            "report_data": td.report_data,
            "mr_td": td.mr_td,
            "rtmr_0": td.rtmr0,
            "rtmr_1": td.rtmr1,
            "rtmr_2": td.rtmr2,
            "rtmr_3": td.rtmr3,
        }
        hexed = {name: value.hex() for name, value in body.items()} | dict(self.body_claims)
        module = {
            "ear.status": "affirming",
            "ear.veraison.annotated-evidence": {"tdx": {"quote": {"header": {}, "body": hexed}}},
        }
        claims = {
            "iss": TOKEN_ISSUER,
            "aud": TOKEN_AUDIENCE,
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at + 300,
            "submods": {"cpu0": {**module, **self.submodule}},
        }
        header = {"typ": "JWT", "alg": "ES256", "kid": "test", **self.header}
        return sign_jws(header, {**claims, **self.claims}, self.token_key)


def sign_jws(header: Changes, claims: Changes, key: ec.EllipticCurvePrivateKey) -> str:
    """Return a compact JWS, the same for the same arguments."""
    signed = ".".join(b64encode(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    return f"{signed}.{b64encode(sign_raw(key, signed.encode()))}"


def apply(case: dict[str, Any], changes: Changes) -> dict[str, Any]:
    """Return a copy of a case with whole members replaced, addressed by dotted path."""
    copy: dict[str, Any] = json.loads(json.dumps(case))
    for path, value in changes.items():
        *parents, name = path.split(".")
        members: Any = copy
        for parent in parents:
            members = members[parent]
        members[name] = value
    return copy


def difference(base: Any, case: Any, path: str = "") -> dict[str, Any]:
    """Return the changes that make a case of its base."""
    if isinstance(base, dict) and isinstance(case, dict) and base.keys() == case.keys() and "kty" not in base:
        parts = (difference(base[name], case[name], f"{path}.{name}" if path else name) for name in base)
        return {name: value for part in parts for name, value in part.items()}
    return {} if base == case else {path: case}

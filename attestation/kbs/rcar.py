"""The messages of the key broker's handshake (request, challenge, attestation, response) in protocols 0.1.0 and 0.4.0.

Sources: confidential-containers/trustee, kbs/docs/kbs_attestation_protocol.md; kbs-types 0.5 and 0.16; openanolis/
trustee 1.0.0. Parses and builds; talks to nobody.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from attestation.encoding import b64decode, b64decode_standard, parse_json
from attestation.errors import MalformedError
from attestation.eventlog import join_logs
from attestation.statement import REPORT_DATA_SIZE

ProtocolVersion = Literal["0.1.0", "0.4.0"]

AUTH_PATH = "/kbs/v0/auth"
ATTEST_PATH = "/kbs/v0/attest"
SESSION_COOKIE = "kbs-session-id"
MIN_NONCE_SIZE, MAX_NONCE_SIZE = 32, 64
DEFAULT_HASH = "sha384"
HASHES = ("sha256", "sha384", "sha512")

# Where a token carries what the guest said of itself, from EAR over 0.1.0's simple tokens to none.
_RUNTIME_DATA = (
    ("submods", "cpu0", "ear.veraison.annotated-evidence", "runtime_data_claims"),
    ("customized_claims", "runtime_data"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TdxEvidence:
    """What a TDX guest shows: a quote, the firmware's event log, and the application's in its own text."""

    quote: bytes
    ccel: bytes | None
    aael: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A broker's challenge: `nonce` is its exact text, `hash_name` one of `HASHES`."""

    nonce: str
    hash_name: str


def build_auth(version: ProtocolVersion) -> bytes:
    """Return the body that asks for a challenge; 0.1.0 wants text as `extra-params`, and every version takes it."""
    return _compact({"version": version, "tee": "tdx", "extra-params": ""})


def parse_challenge(body: bytes) -> Challenge:
    """Read a challenge. Raises `MalformedError`."""
    members = parse_json(body)
    if not isinstance(members, dict) or not isinstance(members.get("nonce"), str):
        raise MalformedError("it has no nonce")
    if not MIN_NONCE_SIZE <= len(b64decode_standard(members["nonce"])) <= MAX_NONCE_SIZE:
        raise MalformedError("its nonce is not of 32 to 64 bytes")
    extra = members.get("extra-params")
    hash_name = extra.get("selected-hash-algorithm", DEFAULT_HASH) if isinstance(extra, dict) else DEFAULT_HASH
    if hash_name not in HASHES:
        raise MalformedError("it wants a hash that this client does not use")
    return Challenge(nonce=members["nonce"], hash_name=hash_name)


def build_report_data(version: ProtocolVersion, challenge: Challenge, jwk: Mapping[str, str]) -> bytes:
    """Return the 64 bytes that a quote must carry: a hash of nonce and key, zeros behind it.

    All texts are ASCII, so that compact JSON with sorted members is what RFC 8785 gives.
    """
    bound: dict[str, Any] = {"nonce": challenge.nonce, "tee-pubkey": dict(jwk)}
    if version == "0.4.0":
        bound["additional-evidence"] = ""
    digest = hashlib.new(challenge.hash_name, _compact(bound, sort=True)).digest()
    return digest.ljust(REPORT_DATA_SIZE, b"\0")


def build_attestation(
    version: ProtocolVersion, challenge: Challenge, jwk: Mapping[str, str], evidence: TdxEvidence
) -> bytes:
    """Return the body that shows evidence; 0.1.0 wants it as JSON within a JSON string. Raises `MalformedError`."""
    shown = describe_evidence(evidence)
    if version == "0.1.0":
        return _compact({"tee-pubkey": dict(jwk), "tee-evidence": _compact(shown).decode()})
    return _compact(
        {
            "init-data": None,
            "runtime-data": {"nonce": challenge.nonce, "tee-pubkey": dict(jwk)},
            "tee-evidence": {"primary_evidence": shown, "additional_evidence": ""},
        }
    )


def describe_evidence(evidence: TdxEvidence) -> dict[str, str | None]:
    """Return evidence as Trustee's TDX verifier takes it (deps/verifier/src/tdx), all events in one CCEL.

    Without the firmware's log there is none: a verifier would replay the application's events against every register.
    `aa_eventlog` is an older text with other digests; brokers of both protocols take none.

    Raises:
        MalformedError: one of the logs is not of its form.
    """
    log = None if evidence.ccel is None else join_logs(evidence.ccel, evidence.aael)
    return {
        "quote": base64.b64encode(evidence.quote).decode("ascii"),
        "cc_eventlog": None if log is None else base64.b64encode(log).decode("ascii"),
        "aa_eventlog": None,
    }


def parse_attested(body: bytes) -> str:
    """Return the attestation token of a broker's answer, not verified: the broker itself is who reads it.

    Raises:
        MalformedError: there is none.
    """
    members = parse_json(body)
    token = members.get("token") if isinstance(members, dict) else None
    if not isinstance(token, str) or token.count(".") != 2 or not token.isascii():
        raise MalformedError("it has no token")
    return token


def is_about(token: str, *, nonce: str, jwk: Mapping[str, str]) -> bool:
    """Say whether a token names this handshake's nonce and key, or none at all. Verifies nothing."""
    said = _runtime_data(token)
    return bool(said.get("nonce", nonce) == nonce and said.get("tee-pubkey", jwk) == jwk)


def _runtime_data(token: str) -> Mapping[str, Any]:
    try:
        claims = json.loads(b64decode(token.split(".")[1]))
    except (MalformedError, ValueError, RecursionError):
        return {}
    for path in _RUNTIME_DATA:
        value: Any = claims
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, dict):
            return value
    return {}


def _compact(value: Any, *, sort: bool = False) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=sort).encode()

"""What a machine shows of its GPUs: NVIDIA's signed claims, read by form. Trusts nothing (docs/PROTOCOL.md, GPUs).

Source: NVIDIA Attestation SDK 2.7, detached EAT: one JWT about all devices, and one for each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from attestation.encoding import b64decode, parse_json
from attestation.errors import ConfigurationError, MalformedError
from attestation.members import Members

GpuState = Literal["plain", "unproven", "confidential"]
GpuVerifier = Literal["nras", "local"]

MAX_TEXT_SIZE = 64 * 1024
MAX_DEVICES = 16
MAX_KEYS = 16
# RFC 7518 section 3.4: ES384 is ECDSA on P-384 with SHA-384, which NVIDIA's service signs with.
ALGORITHM = "ES384"
P384_FIELD_SIZE = 48

_NONCE_LABEL = b"confchat/1 gpu\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedGpu:
    """What a statement says of GPUs: how confidential they are, and the SHA-256 (32 bytes) of what proves it.

    `plain` is a GPU that is not confidential, `unproven` one of which nothing could be proven.
    """

    state: GpuState
    sha256: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Jwt:
    """A compact JWS taken apart. Not verified."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuClaims:
    """One verifier's claims: `overall` about this machine's GPUs, and one token for each of `devices`."""

    verifier: GpuVerifier
    overall: Jwt
    devices: Mapping[str, Jwt]

    @property
    def tokens(self) -> tuple[Jwt, ...]:
        """Every token, the one about all devices first."""
        return (self.overall, *self.devices.values())


def gpu_nonce(nonce: bytes) -> str:
    """Return what GPUs are asked with for a client's nonce (32 bytes): 32 bytes in hex, as NVIDIA's tools take it."""
    return hashlib.sha256(_NONCE_LABEL + nonce).hexdigest()


def gpu_digest(text: str) -> bytes:
    """Return the SHA-256 by which a statement names what proves a GPU."""
    return hashlib.sha256(text.encode()).digest()


def parse_gpu_claims(text: str) -> GpuClaims:
    """Parse the member `gpu` of evidence: `{"verifier", "overall": JWT, "devices": {name: JWT}}`.

    Raises:
        MalformedError: another form, or more than 64 KiB or 16 devices.
    """
    if len(text) > MAX_TEXT_SIZE:
        raise MalformedError("more than GPUs have to say")
    value = parse_json(text.encode("utf-8", "replace"))
    members = Members(value)
    verifier, devices = members.text("verifier"), value.get("devices")
    for known in get_args(GpuVerifier):
        if verifier == known and isinstance(devices, dict) and 0 < len(devices) <= MAX_DEVICES:
            return GpuClaims(
                verifier=known,
                overall=_parse_jwt(members.text("overall")),
                devices={name: _parse_jwt(token) for name, token in devices.items()},
            )
    raise MalformedError("an unknown verifier, or no device")


def is_signed_by(token: Jwt, keys: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether one of these pinned keys (JWK, P-384) signed a token; its own `kid`, `jku` and `x5c` count nothing.

    Raises:
        ConfigurationError: a pinned key cannot be used.
    """
    if token.header.get("alg") != ALGORITHM or "crit" in token.header or len(token.signature) != 2 * P384_FIELD_SIZE:
        return False
    halves = token.signature[:P384_FIELD_SIZE], token.signature[P384_FIELD_SIZE:]
    signature = encode_dss_signature(*(int.from_bytes(half, "big") for half in halves))
    return any(_verifies(parse_gpu_key(key), signature, token.signed) for key in keys)


def parse_gpu_keys(data: bytes) -> tuple[dict[str, str], ...]:
    """Return the P-384 keys of a key set (RFC 7517), as they are pinned: `kty`, `crv`, `x` and `y` alone.

    Raises:
        MalformedError: no key set, or none of its keys is on P-384.
        ConfigurationError: such a key cannot be used.
    """
    value = parse_json(data)
    listed = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise MalformedError("no key set")
    keys = [key for key in listed if isinstance(key, dict) and key.get("crv") == "P-384"]
    if not 0 < len(keys) <= MAX_KEYS:
        raise MalformedError("not one to 16 keys on P-384")
    for key in keys:
        parse_gpu_key(key)
    return tuple({name: str(key[name]) for name in ("kty", "crv", "x", "y")} for key in keys)


def parse_gpu_key(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    """Return a pinned key; raises `ConfigurationError` where it is none on P-384."""
    try:
        if (jwk["kty"], jwk["crv"]) != ("EC", "P-384"):
            raise ConfigurationError("a key pinned for GPUs is none on P-384")
        point = b"\x04" + b"".join(b64decode(jwk[name], size=P384_FIELD_SIZE) for name in ("x", "y"))
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), point)
    except (KeyError, ValueError, MalformedError, UnsupportedAlgorithm) as error:
        raise ConfigurationError("a key pinned for GPUs cannot be used") from error


def _verifies(key: ec.EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        return False
    return True


def _parse_jwt(token: object) -> Jwt:
    parts = token.split(".") if isinstance(token, str) else []
    if len(parts) != 3:
        raise MalformedError("not a token")
    header, claims = (parse_json(b64decode(part)) for part in parts[:2])
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise MalformedError("not a token")
    return Jwt(header=header, claims=claims, signed=f"{parts[0]}.{parts[1]}".encode(), signature=b64decode(parts[2]))

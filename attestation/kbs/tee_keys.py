"""Keys that a guest makes for one handshake: their public half goes into the quote, and secrets come encrypted to it.

RFC 7517 and 7518 as Trustee writes them (kbs-types, TeePubKey): no `kid`, no `use`, the key's algorithm in `alg`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Literal, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from attestation.encoding import b64decode, b64encode
from attestation.errors import MalformedError

ECDH = "ECDH-ES+A256KW"
OAEP = "RSA-OAEP-256"
PKCS1 = "RSA1_5"

COORDINATE_SIZE = 32
CEK_SIZE = 32
RSA_BITS = 2048
RSA_EXPONENT = 65537

RsaAlgorithm = Literal["RSA1_5", "RSA-OAEP-256"]
OAEP_PADDING = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


class TeeKey(Protocol):
    """A key pair of one handshake."""

    @property
    def algorithm(self) -> str:
        """The only `alg` that answers may have."""

    @property
    def jwk(self) -> Mapping[str, str]:
        """The public half, exactly as it is sent and hashed."""

    def unwrap(self, encrypted_key: bytes, header: Mapping[str, Any]) -> bytes:
        """Return a content key (32 bytes). Raises `MalformedError` where it is not for this key."""


class EcTeeKey:
    """ECDH-ES+A256KW on P-256, what protocol 0.4.0 uses by default."""

    algorithm = ECDH

    def __init__(self, private: ec.EllipticCurvePrivateKey | None = None) -> None:
        """Make a key, or take one."""
        self._private = private or ec.generate_private_key(ec.SECP256R1())
        self.jwk = {"kty": "EC", "crv": "P-256", "alg": ECDH, **encode_point(self._private.public_key())}

    def unwrap(self, encrypted_key: bytes, header: Mapping[str, Any]) -> bytes:
        """Agree with the header's `epk` and unwrap (RFC 7518 section 4.6)."""
        shared = self._private.exchange(ec.ECDH(), parse_point(header.get("epk")))
        try:
            return aes_key_unwrap(derive_wrapping_key(shared), encrypted_key)
        except (InvalidUnwrap, ValueError) as error:
            raise MalformedError("the content key does not unwrap") from error


class RsaTeeKey:
    """RSA of 2048 bits: RSA1_5 alone in protocol 0.1.0, RSA-OAEP-256 since."""

    def __init__(self, algorithm: RsaAlgorithm, private: rsa.RSAPrivateKey | None = None) -> None:
        """Make a key, which takes some tenths of a second, or take one."""
        self.algorithm: str = algorithm
        self._private = private or rsa.generate_private_key(RSA_EXPONENT, RSA_BITS)
        numbers = self._private.public_key().public_numbers()
        self.jwk = {"kty": "RSA", "alg": algorithm, "n": _encode_number(numbers.n), "e": _encode_number(numbers.e)}

    def unwrap(self, encrypted_key: bytes, header: Mapping[str, Any]) -> bytes:
        """Decrypt; PKCS #1 v1.5 that is wrong gives other bytes, which open nothing."""
        way = OAEP_PADDING if self.algorithm == OAEP else padding.PKCS1v15()
        try:
            return self._private.decrypt(encrypted_key, way)
        except ValueError as error:
            raise MalformedError("the content key does not decrypt") from error


def derive_wrapping_key(shared: bytes) -> bytes:
    """Return the key that wraps content keys (RFC 7518 section 4.6.2, no party names; 32 bytes)."""
    name = ECDH.encode()
    other_info = struct.pack(">I", len(name)) + name + struct.pack(">III", 0, 0, 8 * CEK_SIZE)
    return ConcatKDFHash(hashes.SHA256(), length=CEK_SIZE, otherinfo=other_info).derive(shared)


def encode_point(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """Return a P-256 point as a JWK's `x` and `y`."""
    numbers = key.public_numbers()
    return {
        "x": b64encode(numbers.x.to_bytes(COORDINATE_SIZE, "big")),
        "y": b64encode(numbers.y.to_bytes(COORDINATE_SIZE, "big")),
    }


def parse_point(jwk: object) -> ec.EllipticCurvePublicKey:
    """Read a JWK's P-256 point. Raises `MalformedError` for anything else, and for points beside the curve."""
    if not isinstance(jwk, Mapping) or (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256"):
        raise MalformedError("not a P-256 key")
    point = b"\x04" + b"".join(b64decode(jwk.get(name), size=COORDINATE_SIZE) for name in ("x", "y"))
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError as error:
        raise MalformedError("not a point of P-256") from error


def _encode_number(value: int) -> str:
    return b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))

"""The one kind of signature in DCAP: ECDSA on P-256 with SHA-256, raw in quotes and lists, DER in certificates."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from attestation.errors import MalformedError

RAW_SIGNATURE_SIZE = 64


def parse_public_key(raw: bytes) -> ec.EllipticCurvePublicKey:
    """Return the P-256 key of 64 bytes x || y, big-endian.

    Raises:
        MalformedError: not a point of the curve.
    """
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + raw)
    except ValueError as error:
        raise MalformedError("not a P-256 key") from error


def has_signed(key: ec.EllipticCurvePublicKey | None, signature: bytes, data: bytes) -> bool:
    """Tell whether a P-256 key made this raw signature (r || s, 64 bytes, big-endian) over data; no key made none."""
    if len(signature) != RAW_SIGNATURE_SIZE:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    return has_der_signature(key, encode_dss_signature(r, s), data)


def has_der_signature(key: ec.EllipticCurvePublicKey | None, signature: bytes, data: bytes) -> bool:
    """Tell whether a P-256 key made this signature (DER) over data; no key made none."""
    if key is None:
        return False
    try:
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True

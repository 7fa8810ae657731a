"""The public keys that a token may be signed with: pinned ones, and those that a certificate under a pinned root names.

A token's own `jku`, `x5u` and `jwk` are never looked at; a certificate chain counts only up to a pinned root.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import SignatureAlgorithmOID

from attestation.encoding import b64decode_standard
from attestation.errors import ConfigurationError, MalformedError
from attestation.issuer import TokenIssuer

P256_FIELD_SIZE = 32
MIN_RSA_BITS = 2048
MAX_CHAIN = 10

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
# Says whether a signature is over these bytes.
Signed = Callable[[bytes, bytes], bool]

# What may have signed a certificate. PSS is taken with the salt that belongs to its hash (RFC 8017 section 9.1).
_CERTIFICATE_SIGNATURES = frozenset(
    {
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
        SignatureAlgorithmOID.RSASSA_PSS,
        SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    }
)
_RSA: Mapping[str, tuple[padding.AsymmetricPadding, hashes.HashAlgorithm]] = {
    "RS256": (padding.PKCS1v15(), hashes.SHA256()),
    "RS384": (padding.PKCS1v15(), hashes.SHA384()),
    "PS384": (padding.PSS(padding.MGF1(hashes.SHA384()), hashes.SHA384.digest_size), hashes.SHA384()),
}


def usable_keys(
    issuer: TokenIssuer, header: Mapping[str, Any], jwks: Mapping[str, Any], *, now: datetime
) -> Iterator[Signed]:
    """Yield a verifier for each key that may have signed a token with this header.

    `jwks` is what came with the token; of it only certificate chains to a pinned root count, valid at `now`.

    Raises:
        ConfigurationError: a pinned key or the algorithm cannot be used.
    """
    if issuer.algorithm != "ES256" and issuer.algorithm not in _RSA:
        raise ConfigurationError(f"tokens signed {issuer.algorithm} are not supported")
    for jwk in issuer.keys:
        yield _verifier(_pinned(jwk, issuer.algorithm), issuer.algorithm)
    for chain in _chains(header, jwks) if issuer.root_sha256 else ():
        key = _endorsed(chain, issuer.root_sha256, now=now)
        if key is not None and _suits(key, issuer.algorithm):
            yield _verifier(key, issuer.algorithm)


def _verifier(key: PublicKey, algorithm: str) -> Signed:
    def is_signed(signature: bytes, signed: bytes) -> bool:
        try:
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, signed, *_RSA[algorithm])
            else:
                key.verify(_to_der(signature), signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    return is_signed


def _to_der(signature: bytes) -> bytes:
    if len(signature) != 2 * P256_FIELD_SIZE:
        raise InvalidSignature
    halves = signature[:P256_FIELD_SIZE], signature[P256_FIELD_SIZE:]
    return encode_dss_signature(*(int.from_bytes(half, "big") for half in halves))


def _suits(key: PublicKey, algorithm: str) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return algorithm in _RSA and key.key_size >= MIN_RSA_BITS
    return algorithm == "ES256" and isinstance(key.curve, ec.SECP256R1)


def _pinned(jwk: Mapping[str, Any], algorithm: str) -> PublicKey:
    """Read a pinned key (RFC 7518 section 6)."""
    try:
        key = _p256(jwk) if algorithm == "ES256" else _rsa(jwk)
    except (KeyError, TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError("the key pinned for the attestation service cannot be used") from error
    if not _suits(key, algorithm):
        raise ConfigurationError("the key pinned for the attestation service is too short")
    return key


def _p256(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    if (jwk["kty"], jwk["crv"]) != ("EC", "P-256"):
        raise ValueError("not a P-256 key")
    point = b"\x04" + b"".join(_unsigned(jwk[name], size=P256_FIELD_SIZE) for name in ("x", "y"))
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def _rsa(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey:
    if jwk["kty"] != "RSA":
        raise ValueError("not an RSA key")
    exponent, modulus = (int.from_bytes(_unsigned(jwk[name]), "big") for name in ("e", "n"))
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _unsigned(text: object, *, size: int | None = None) -> bytes:
    """Decode a JWK number; published key sets pad base64url or not, so both are read."""
    if not isinstance(text, str):
        raise TypeError("not text")
    try:
        data = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars="-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if size is not None and len(data) != size:
        raise ValueError("not of the curve's size")
    return data


def _chains(header: Mapping[str, Any], jwks: Mapping[str, Any]) -> Iterator[list[x509.Certificate]]:
    """Yield the certificate chains that a token or the key set beside it brings, leaf first."""
    listed = jwks.get("keys")
    keys = [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
    own = header.get("jwk")
    for bearer in (header, own if isinstance(own, dict) else {}, *keys):
        texts = bearer.get("x5c")
        if not isinstance(texts, list) or not 0 < len(texts) <= MAX_CHAIN:
            continue
        try:
            yield [x509.load_der_x509_certificate(b64decode_standard(text)) for text in texts]
        except (MalformedError, ValueError):
            continue


def _endorsed(chain: list[x509.Certificate], root_sha256: tuple[bytes, ...], *, now: datetime) -> PublicKey | None:
    """Return the leaf's key where every certificate is signed by the next, in date, and the last is a pinned root."""
    if hashlib.sha256(chain[-1].public_bytes(Encoding.DER)).digest() not in root_sha256:
        return None
    if not all(each.not_valid_before_utc <= now <= each.not_valid_after_utc for each in chain):
        return None
    if not all(_is_issued_by(subject, issuer) for subject, issuer in pairwise([*chain, chain[-1]])):
        return None
    try:
        key = chain[0].public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)) else None


def _is_issued_by(subject: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        if not constraints.ca or subject.signature_algorithm_oid not in _CERTIFICATE_SIGNATURES:
            return False
        subject.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError, ValueError, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    return True

"""Attestation tokens: compact JWS under a pinned key and algorithm (RFC 7515, RFC 7519).

The key and the algorithm come from configuration alone; `jku`, `x5u`, `x5c`, `jwk` and `kid` of a token
are never looked at.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from attestation.encoding import b64decode, b64encode, parse_json
from attestation.errors import AppraisalError, ConfigurationError, MalformedError

MAX_TOKEN_SIZE = 256 * 1024
MAX_TOKEN_LIFETIME_S = 3600
P256_FIELD_SIZE = 32
MIN_RSA_BITS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssuer:
    """An attestation service whose tokens count: names, pinned algorithm and public key (JWK).

    `algorithm` is ES256, RS256 or RS384 (RFC 7518 §3); `leeway_s` is allowed on every time.
    """

    issuer: str
    audience: str
    algorithm: str
    key: Mapping[str, Any]
    leeway_s: int


def sign_token(claims: Mapping[str, Any], key: ec.EllipticCurvePrivateKey, kid: str) -> str:
    """Return claims as a compact JWS signed ES256 with a P-256 key."""
    header = {"typ": "JWT", "alg": "ES256", "kid": kid}
    signed = f"{_encode_part(header)}.{_encode_part(claims)}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = r.to_bytes(P256_FIELD_SIZE, "big") + s.to_bytes(P256_FIELD_SIZE, "big")
    return f"{signed}.{b64encode(signature)}"


def verify_token(token: str, issuer: TokenIssuer, *, now: datetime) -> Mapping[str, Any]:
    """Return the claims of a token that this issuer signed, for this audience, valid now.

    Does not look at what the claims say of any evidence.

    Raises:
        AppraisalError: `token_malformed`, `token_algorithm`, `token_signature`, `token_issuer`,
            `token_audience` or `token_time`, judged in this order.
        ConfigurationError: the pinned key or algorithm cannot be used.
    """
    header, claims, signed, signature = _split(token)
    if header.get("alg") != issuer.algorithm or "crit" in header:
        raise AppraisalError("token_algorithm", "the token is not signed with the expected algorithm")
    _verifier(issuer)(signature, signed)
    if claims.get("iss") != issuer.issuer:
        raise AppraisalError("token_issuer", "the token is from another issuer")
    if issuer.audience not in _audiences(claims):
        raise AppraisalError("token_audience", "the token is for another audience")
    _check_times(claims, now=now.timestamp(), leeway_s=issuer.leeway_s)
    return claims


def public_jwk(key: ec.EllipticCurvePublicKey, kid: str) -> dict[str, str]:
    """Return a P-256 public key as a JWK for ES256 (RFC 7517, RFC 7518 §6.2)."""
    numbers = key.public_numbers()
    x, y = (b64encode(value.to_bytes(P256_FIELD_SIZE, "big")) for value in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid, "x": x, "y": y}


def _encode_part(members: Mapping[str, Any]) -> str:
    return b64encode(json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode())


def _split(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    parts = token.split(".")
    if len(token) > MAX_TOKEN_SIZE or len(parts) != 3:
        raise AppraisalError("token_malformed", "the token is not a compact JWS")
    try:
        header, claims = (_object(b64decode(part)) for part in parts[:2])
        signature = b64decode(parts[2])
    except MalformedError as error:
        raise AppraisalError("token_malformed", "the token cannot be read") from error
    return header, claims, f"{parts[0]}.{parts[1]}".encode(), signature


def _object(data: bytes) -> dict[str, Any]:
    value = parse_json(data)
    if not isinstance(value, dict):
        raise MalformedError("not an object")
    return value


def _audiences(claims: Mapping[str, Any]) -> tuple[object, ...]:
    audience = claims.get("aud")
    return tuple(audience) if isinstance(audience, list) else (audience,)


def _check_times(claims: Mapping[str, Any], *, now: float, leeway_s: int) -> None:
    issued_at, expires_at = claims.get("iat"), claims.get("exp")
    not_before = claims.get("nbf", issued_at)
    if not (type(issued_at) is int and type(expires_at) is int and type(not_before) is int):
        raise AppraisalError("token_time", "the token does not say from when and until when it holds")
    if not 0 < expires_at - issued_at <= MAX_TOKEN_LIFETIME_S:
        raise AppraisalError("token_time", "the token is made to hold for longer than an hour")
    if not max(issued_at, not_before) - leeway_s <= now <= expires_at + leeway_s:
        raise AppraisalError("token_time", "the token has expired, or is not valid yet")


def _verifier(issuer: TokenIssuer) -> Callable[[bytes, bytes], None]:
    """Return a function of (signature, signed bytes) for the pinned algorithm and key."""
    try:
        if issuer.algorithm == "ES256":
            return _es256(issuer.key)
        if issuer.algorithm in _RSA_HASHES:
            return _rsa(issuer.key, _RSA_HASHES[issuer.algorithm])
    except (KeyError, TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError("the key pinned for the attestation service cannot be used") from error
    raise ConfigurationError(f"tokens signed {issuer.algorithm} are not supported")


_RSA_HASHES: Mapping[str, hashes.HashAlgorithm] = {"RS256": hashes.SHA256(), "RS384": hashes.SHA384()}


def _es256(jwk: Mapping[str, Any]) -> Callable[[bytes, bytes], None]:
    if (jwk["kty"], jwk["crv"]) != ("EC", "P-256"):
        raise ValueError("not a P-256 key")
    point = b"\x04" + b"".join(_unsigned(jwk[name], size=P256_FIELD_SIZE) for name in ("x", "y"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)

    def verify(signature: bytes, signed: bytes) -> None:
        if len(signature) != 2 * P256_FIELD_SIZE:
            raise _signature_error()
        r, s = (int.from_bytes(half, "big") for half in (signature[:P256_FIELD_SIZE], signature[P256_FIELD_SIZE:]))
        try:
            key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise _signature_error() from error

    return verify


def _rsa(jwk: Mapping[str, Any], algorithm: hashes.HashAlgorithm) -> Callable[[bytes, bytes], None]:
    if jwk["kty"] != "RSA":
        raise ValueError("not an RSA key")
    exponent, modulus = (int.from_bytes(_unsigned(jwk[name]), "big") for name in ("e", "n"))
    if modulus.bit_length() < MIN_RSA_BITS:
        raise ValueError("the RSA key is too short")
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()

    def verify(signature: bytes, signed: bytes) -> None:
        try:
            key.verify(signature, signed, padding.PKCS1v15(), algorithm)
        except InvalidSignature as error:
            raise _signature_error() from error

    return verify


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


def _signature_error() -> AppraisalError:
    return AppraisalError("token_signature", "the token was not signed by the pinned key")

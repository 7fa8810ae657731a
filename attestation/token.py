"""Attestation tokens: compact JWS under a pinned key and algorithm (RFC 7515, RFC 7519).

Keys, roots and the algorithm come from configuration alone; `jku`, `x5u`, `jwk` and `kid` of a token are never looked
at, and its `x5c` only up to a pinned root.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from attestation.encoding import b64decode, b64encode, parse_json
from attestation.errors import AppraisalError, MalformedError
from attestation.issuer import TokenIssuer
from attestation.token_keys import P256_FIELD_SIZE, usable_keys

MAX_TOKEN_SIZE = 256 * 1024
# However long a token says that it holds, it is an answer of today's question: older than this, it counts for nothing.
MAX_TOKEN_AGE_S = 3600
NO_KEYS: Mapping[str, Any] = {}


def sign_token(claims: Mapping[str, Any], key: ec.EllipticCurvePrivateKey, kid: str) -> str:
    """Return claims as a compact JWS signed ES256 with a P-256 key."""
    header = {"typ": "JWT", "alg": "ES256", "kid": kid}
    signed = f"{_encode_part(header)}.{_encode_part(claims)}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = r.to_bytes(P256_FIELD_SIZE, "big") + s.to_bytes(P256_FIELD_SIZE, "big")
    return f"{signed}.{b64encode(signature)}"


def verify_token(
    token: str, issuer: TokenIssuer, *, now: datetime, jwks: Mapping[str, Any] = NO_KEYS
) -> Mapping[str, Any]:
    """Return the claims of a token that this issuer signed, for this audience, valid now.

    `jwks` is the key set that came with it, of which only certificate chains to a pinned root count. Does not look at
    what the claims say of any evidence.

    Raises:
        AppraisalError: `token_malformed`, `token_algorithm`, `token_signature`, `token_issuer`,
            `token_audience` or `token_time`, judged in this order.
        ConfigurationError: a pinned key or the algorithm cannot be used.
    """
    header, claims, signed, signature = _split(token)
    if header.get("alg") != issuer.algorithm or "crit" in header:
        raise AppraisalError("token_algorithm", "the token is not signed with the expected algorithm")
    if not any(is_signed(signature, signed) for is_signed in usable_keys(issuer, header, jwks, now=now)):
        raise AppraisalError("token_signature", "the token was not signed by a pinned key")
    if issuer.issuer is not None and claims.get("iss") != issuer.issuer:
        raise AppraisalError("token_issuer", "the token is from another issuer")
    if issuer.audience is not None and issuer.audience not in _audiences(claims):
        raise AppraisalError("token_audience", "the token is for another audience")
    _check_times(claims, issuer, now=now.timestamp())
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


def _check_times(claims: Mapping[str, Any], issuer: TokenIssuer, *, now: float) -> None:
    issued_at, expires_at = claims.get("iat"), claims.get("exp")
    not_before = claims.get("nbf", issued_at)
    if not (type(issued_at) is int and type(expires_at) is int and type(not_before) is int):
        raise AppraisalError("token_time", "the token does not say from when and until when it holds")
    if not 0 < expires_at - issued_at <= issuer.max_lifetime_s:
        raise AppraisalError("token_time", "the token is made to hold for longer than is accepted")
    last = min(expires_at, issued_at + MAX_TOKEN_AGE_S)
    if not max(issued_at, not_before) - issuer.leeway_s <= now <= last + issuer.leeway_s:
        raise AppraisalError("token_time", "the token has expired, or is not valid yet")

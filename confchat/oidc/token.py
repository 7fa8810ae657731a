"""The ID token of an OpenID Connect provider (OpenID Connect Core 1.0, section 3.1.3.7), checked in full. Pure.

allauth trusts a token that it fetched itself without looking at its signature, and knows no nonce; here neither is left
out: a terminator of TLS on the way to the provider makes nobody sign in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import jwt

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")  # asymmetric alone: no secret that two sides know signs a token
LEEWAY_S = 60
REQUIRED = ("iss", "aud", "sub", "exp", "iat", "nonce")


class TokenError(Exception):
    """An ID token that says nothing; its text names the reason and repeats nothing of the token."""


def nonce_of(code_verifier: str) -> str:
    """Return the nonce that goes with a PKCE verifier, which the browser's session alone keeps (43 characters)."""
    digest = hashlib.sha256(b"confchat/1 sign-on nonce\0" + code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def verify_id_token(
    token: str, *, keys: Mapping[str, Any], issuer: str, client_id: str, code_verifier: str
) -> dict[str, Any]:
    """Return the claims of a token that the provider signed, for this client and this very attempt to sign in.

    Raises:
        TokenError.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            _key(token, keys),
            algorithms=list(ALGORITHMS),
            audience=client_id,
            issuer=issuer,
            leeway=LEEWAY_S,
            options={"require": list(REQUIRED)},
        )
    except jwt.PyJWTError as error:
        raise TokenError(type(error).__name__) from error
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce_of(code_verifier).encode()):
        raise TokenError("another nonce")
    if claims.get("azp", client_id) != client_id or (isinstance(claims["aud"], list) and len(claims["aud"]) > 1):
        raise TokenError("made for others too")
    return claims


def _key(token: str, keys: Mapping[str, Any]) -> jwt.PyJWK:
    known = jwt.PyJWKSet.from_dict(dict(keys)).keys
    wanted = jwt.get_unverified_header(token).get("kid")
    signing = [key for key in known if key.public_key_use in (None, "sig") and wanted in (None, key.key_id)]
    if len(signing) != 1:
        raise TokenError("signed by an unknown key")
    return signing[0]

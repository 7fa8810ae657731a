"""What an OpenID Connect provider says of itself, and its keys: fetched by HTTPS, taken where it fits its issuer."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from allauth.socialaccount.adapter import get_adapter

from confchat.oidc.errors import SignOnError

ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


def fetch_json(address: str) -> dict[str, Any]:
    """Return a JSON object that the provider serves.

    Raises:
        SignOnError: it cannot be had.
    """
    try:
        with get_adapter().get_requests_session() as session:
            answer = session.get(address, allow_redirects=False)
            answer.raise_for_status()
            value = answer.json()
    except requests.RequestException as error:
        raise SignOnError(f"the provider does not answer: {type(error).__name__}") from error
    if not isinstance(value, dict):
        raise SignOnError("the provider's answer has another form")
    return value


def fetch_configuration(issuer: str) -> dict[str, Any]:
    """Return the provider's configuration (OpenID Connect Discovery 1.0, section 4).

    Raises:
        SignOnError: it cannot be had, is another issuer's, or sends people or secrets where nobody encrypts.
    """
    config = fetch_json(f"{issuer.removesuffix('/')}/.well-known/openid-configuration")
    if config.get("issuer") != issuer:
        raise SignOnError("the provider calls itself another issuer")
    for name in ENDPOINTS:
        address = config.get(name)
        if not isinstance(address, str) or urlsplit(address).scheme not in ("https", urlsplit(issuer).scheme):
            raise SignOnError(f"the provider's {name} is missing, or not https")
    return config

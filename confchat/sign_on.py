"""Who else may say who people are: the settings of an OpenID Connect provider, as allauth wants them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

PROVIDER = "sso"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def sign_on_providers(
    *, issuer: str, client_id: str, secret_file: Path | None, name: str, development: bool
) -> dict[str, Any]:
    """Return SOCIALACCOUNT_PROVIDERS; without an issuer there is none.

    Raises:
        ImproperlyConfigured: part of the settings is missing or cannot be used.
    """
    if not issuer:
        if client_id or secret_file:
            raise ImproperlyConfigured(
                "CONFCHAT_OIDC_CLIENT_ID or _SECRET_FILE mean nothing without CONFCHAT_OIDC_ISSUER."
            )
        return {}
    parts = urlsplit(issuer)
    is_local = development and parts.scheme == "http" and parts.hostname in _LOOPBACK
    if (parts.scheme != "https" and not is_local) or not parts.hostname or parts.query or parts.fragment:
        raise ImproperlyConfigured("CONFCHAT_OIDC_ISSUER must be an https address without ? and #.")
    if not client_id or secret_file is None:
        raise ImproperlyConfigured("CONFCHAT_OIDC_ISSUER needs CONFCHAT_OIDC_CLIENT_ID and CONFCHAT_OIDC_SECRET_FILE.")
    try:
        secret = secret_file.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"CONFCHAT_OIDC_SECRET_FILE cannot be read: {error.strerror}.") from error
    app = {"provider_id": PROVIDER, "name": name, "client_id": client_id, "secret": secret}
    return {"openid_connect": {"APPS": [{**app, "settings": {"server_url": issuer}}]}}

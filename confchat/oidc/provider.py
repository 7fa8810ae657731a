"""allauth's OpenID Connect provider, made strict: signed claims alone, a nonce, PKCE always, little kept."""

from __future__ import annotations

import hashlib
from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Client
from allauth.socialaccount.providers.oauth2.utils import generate_code_challenge
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest

from confchat.oidc.discovery import fetch_configuration, fetch_json
from confchat.oidc.errors import SignOnError
from confchat.oidc.token import TokenError, nonce_of, verify_id_token


class SignOnAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth has no types
    """Fetches a token for a code, and believes it once its signature, audience, time and nonce are right."""

    _code_verifier = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        if not hasattr(self, "_openid_config"):
            self._openid_config = fetch_configuration(self.get_provider().app.settings["server_url"])
        return self._openid_config

    def get_access_token_data(
        self, request: HttpRequest, app: SocialApp, client: OAuth2Client, pkce_code_verifier: str | None = None
    ) -> dict[str, Any]:
        """Fetch the tokens for a code, and keep what the nonce was made of."""
        self._code_verifier = pkce_code_verifier or ""
        tokens: dict[str, Any] = super().get_access_token_data(request, app, client, pkce_code_verifier)
        return tokens

    def complete_login(self, request: HttpRequest, app: SocialApp, _token: SocialToken, **kwargs: Any) -> SocialLogin:
        """Return whose login it is, by the ID token alone: what no key signed is not asked for."""
        token = kwargs["response"].get("id_token")
        if not isinstance(token, str) or not self._code_verifier:
            raise SignOnError("no ID token")
        try:
            claims = verify_id_token(
                token,
                keys=fetch_json(self.openid_config["jwks_uri"]),
                issuer=self.openid_config["issuer"],
                client_id=app.client_id,
                code_verifier=self._code_verifier,
            )
        except TokenError as error:
            raise SignOnError(f"the ID token is refused: {error}") from error
        return self.get_provider().sociallogin_from_response(request, {"id_token": claims})


class SignOnProvider(OpenIDConnectProvider):  # type: ignore[misc]  # allauth has no types
    """What is taken of a provider's claims: who it is, a name to begin with, and an address if it was verified."""

    oauth2_adapter_class = SignOnAdapter

    def redirect(self, request: HttpRequest, process: str, *arguments: Any, **more: Any) -> Any:
        """Send a browser to the provider, with the nonce that goes with this attempt's verifier."""
        self._pkce = generate_code_challenge()
        params = {"nonce": nonce_of(self._pkce["code_verifier"])}
        return super().redirect(request, process, *arguments, **(more | {"auth_params": params}))

    def get_pkce_params(self) -> dict[str, str]:
        return dict(self._pkce)

    def get_scope_from_request(self, _request: HttpRequest) -> list[str]:
        return self.get_default_scope()  # type: ignore[no-any-return]  # nobody else says what we ask for

    def extract_uid(self, data: dict[str, Any]) -> str:
        """Return a name that no other issuer can give, should the settings ever name another one."""
        claims = data["id_token"]
        return hashlib.sha256(f"{claims['iss']}\0{claims['sub']}".encode()).hexdigest()

    def extract_extra_data(self, _data: dict[str, Any]) -> dict[str, Any]:
        return {}  # nothing of the claims is kept beside the account

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        claims = data["id_token"]
        return {"email": _verified_email(claims), "username": claims.get("preferred_username")}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        email = _verified_email(data["id_token"])
        return [EmailAddress(email=email, verified=True, primary=True)] if email else []


def _verified_email(claims: dict[str, Any]) -> str | None:
    """Return the address that the provider has verified: any other may be somebody else's."""
    email = claims.get("email")
    return email if isinstance(email, str) and claims.get("email_verified") is True else None


provider_classes = [SignOnProvider]

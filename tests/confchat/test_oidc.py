"""Signing in elsewhere, against a provider that tells the truth and one that lies in every way that counts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from confchat.accounts import invitations
from confchat.models import User
from confchat.sign_on import sign_on_providers
from tests.confchat.test_accounts import OPEN, OWN, PASSWORD, confirm, sign_in
from tests.confchat.test_second_factors import code_of, turn_on
from tests.oidc_stand_in import CLIENT_ID, CLIENT_SECRET, Provider, running_provider
from tests.product import free_port

pytestmark = [pytest.mark.django_db]

WAY = "/accounts/oidc/sso/login/"


@pytest.fixture(scope="module")
def started() -> Iterator[Provider]:
    with running_provider(free_port()) as provider:
        yield provider


@pytest.fixture
def provider(started: Provider, settings: Settings, tmp_path: Path) -> Provider:
    secret_file = tmp_path / "secret"
    secret_file.write_text(f"{CLIENT_SECRET}\n")
    settings.SOCIALACCOUNT_PROVIDERS = sign_on_providers(
        issuer=started.issuer, client_id=CLIENT_ID, secret_file=secret_file, name="The House", development=True
    )
    cache.clear()
    started.tell_truth()
    return started


def go(client: Client, *, process: str = "login") -> str:
    """Go to the provider, where one is signed in, and return the way back with its code."""
    page = client.post(f"{WAY}?process={process}")
    assert page.status_code == 200
    with httpx.Client(trust_env=False) as browser:
        back = urlsplit(browser.get(page.context["address"]).headers["location"])
    return f"{back.path}?{back.query}"


def come(client: Client, **more: Any) -> Any:
    """Sign in at the provider and come back, but for the chat itself."""
    answer = client.get(go(client, **more))
    return client.get(answer["Location"]) if answer.status_code == 302 and answer["Location"] != "/" else answer


def is_signed_in(client: Client) -> bool:
    return client.get(OWN).status_code == 200


@pytest.fixture
def anna(provider: Provider) -> User:
    """Somebody who has connected her account with the provider, by herself."""
    user = User.objects.create_user("anna", password=PASSWORD)
    come(confirm(sign_in("anna")), process="connect")
    assert SocialAccount.objects.get().user == user
    return user


def test_who_is_known_signs_in_with_a_nonce_and_pkce_and_little_is_kept(anna: User, provider: Provider) -> None:
    provider.claims = {"email": "anna@example.org", "email_verified": True, "picture": "https://example.org/anna"}
    client = Client()
    assert "Sign in with The House" in client.get("/accounts/login/").content.decode()
    come(client)
    assert client.get(OWN).context["user"] == anna
    asked = provider.asked[-1]
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["nonce"]) == 43
    assert asked["redirect_uri"].endswith(f"{WAY}callback/")
    assert SocialAccount.objects.get().extra_data == {}
    assert "person-1" not in SocialAccount.objects.get().uid


LIES = {
    "another nonce": {"nonce": "x" * 43},
    "no nonce": {"nonce": None},
    "another audience": {"aud": "somebody-else"},
    "audiences beside": {"aud": [CLIENT_ID, "somebody-else"]},
    "made for another": {"azp": "somebody-else"},
    "another issuer": {"iss": "https://elsewhere.example"},
    "expired": {"exp": int(time.time()) - 3600},
    "no end": {"exp": None},
    "from the future": {"iat": int(time.time()) + 3600},
    "nobody": {"sub": None},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_is_not_for_this_moment_and_this_client_is_refused(
    anna: User, provider: Provider, lie: str
) -> None:
    provider.claims = LIES[lie]
    client = Client()
    assert "was not in order" in come(client).content.decode()
    assert not is_signed_in(client)


@pytest.mark.parametrize("forgery", ["forge", "unsigned", "symmetric"])
def test_a_token_that_the_provider_did_not_sign_is_refused(anna: User, provider: Provider, forgery: str) -> None:
    setattr(provider, forgery, True)
    client = Client()
    assert "was not in order" in come(client).content.decode()
    assert not is_signed_in(client)


def test_a_way_back_is_good_once_and_in_the_browser_that_went(anna: User, provider: Provider) -> None:
    client, thief = Client(), Client()
    way = go(client)
    thief.get(way)
    assert not is_signed_in(thief)
    client.get(way)
    assert is_signed_in(client)
    client.post("/accounts/logout/")
    client.get(way)
    assert not is_signed_in(client)


def test_a_provider_that_calls_itself_another_or_is_gone_lets_nobody_in(
    anna: User, provider: Provider, settings: Settings, tmp_path: Path
) -> None:
    provider.called = "https://elsewhere.example"
    assert "was not in order" in Client().post(WAY).content.decode()
    settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]["settings"]["server_url"] = "http://127.0.0.1:9"
    assert "was not in order" in Client().post(WAY).content.decode()
    assert Client().get(WAY).status_code == 405, "no other site sends people there"


def test_nobody_takes_an_account_by_its_address(provider: Provider, settings: Settings) -> None:
    for name, value in OPEN.items():
        setattr(settings, name, value)
    victim = User.objects.create_user("victim", password=PASSWORD, email="victim@example.org")
    EmailAddress.objects.create(user=victim, email=victim.email, verified=True, primary=True)
    for verified in (False, "true", True):
        provider.claims = {"email": victim.email, "email_verified": verified, "preferred_username": "victim"}
        client = Client()
        come(client)
        assert not is_signed_in(client)
    assert not SocialAccount.objects.filter(user=victim).exists()
    assert not EmailAddress.objects.exclude(user=victim).exists()


def test_sign_up_is_by_the_same_rules_as_everywhere(provider: Provider, settings: Settings) -> None:
    provider.claims = {"preferred_username": "newcomer", "email": "new@example.org", "email_verified": False}
    client = Client()
    assert "by invitation" in come(client).content.decode()
    admin = User.objects.create_user("head", password=PASSWORD)
    made, secret = invitations.invite(email="", groups=[], by=admin, now=timezone.now())
    client.get(f"/accounts/invitation/{secret}/")
    come(client)
    assert is_signed_in(client)
    newcomer = User.objects.get(username="newcomer")
    assert not newcomer.has_usable_password()
    assert newcomer.email == "", "an address that nobody verified is not taken"
    made.refresh_from_db()
    assert made.accepted_by == newcomer
    provider.claims = {"sub": "person-2"}
    other = Client()
    other.get(f"/accounts/invitation/{secret}/")
    come(other)
    assert not is_signed_in(other), "an invitation is good once"
    settings.CONFCHAT_SIGNUP = "closed"
    assert "made by an admin" in come(other).content.decode()
    settings.CONFCHAT_SIGNUP = "open"
    provider.claims = {"sub": "person-3", "email": "third@example.org", "email_verified": True}
    third = Client()
    come(third)
    assert is_signed_in(third)
    assert EmailAddress.objects.get(email="third@example.org").verified


def test_the_second_factor_stays(anna: User, provider: Provider) -> None:
    secret = turn_on(confirm(sign_in("anna")))
    client = Client()
    come(client)
    assert not is_signed_in(client)
    cache.clear()
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert is_signed_in(client)


def test_accounts_are_connected_by_their_owner_who_shows_once_more_that_it_is_he(provider: Provider) -> None:
    User.objects.create_user("bert", password=PASSWORD)
    client = sign_in("bert")
    come(client, process="connect")
    assert not SocialAccount.objects.exists()
    client = confirm(sign_in("bert"))
    come(client, process="connect")
    page = client.get("/accounts/3rdparty/")
    assert "You can sign in to this account with The House" in page.content.decode()
    client.post("/accounts/3rdparty/", {"account": SocialAccount.objects.get().pk})
    assert not SocialAccount.objects.exists()


def test_a_row_in_the_database_makes_no_provider(settings: Settings) -> None:
    settings.SOCIALACCOUNT_PROVIDERS = {}
    SocialApp.objects.create(
        provider="openid_connect", provider_id="sso", client_id="x", settings={"server_url": "http://127.0.0.1:9"}
    )
    assert Client().post(WAY).status_code == 404
    assert "/oidc/" not in Client().get("/accounts/login/").content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": ""},
        {"issuer": "http://idp.example.org"},
        {"issuer": "https://idp.example.org/?x=1"},
        {"client_id": ""},
        {"secret_file": None},
        {"secret_file": Path("/nowhere/at/all")},
        {"issuer": "http://127.0.0.1:9", "development": False},
    ],
)
def test_settings_that_cannot_work_stop_the_start(wrong: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    good: dict[str, Any] = {"issuer": "https://idp.example.org/realm", "client_id": "x", "name": "n"}
    good |= {"secret_file": tmp_path / "secret", "development": True}
    assert sign_on_providers(**good)["openid_connect"]["APPS"][0]["secret"] == "s"
    with pytest.raises(ImproperlyConfigured, match="CONFCHAT_OIDC_"):
        sign_on_providers(**(good | wrong))

"""Access tokens: who makes one, what is kept of it, and what ends it."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.account.signals import password_reset
from django.contrib.auth.models import Group
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.utils import timezone

from attestation.client.access import parse_access_token
from confchat.accounts.access_tokens import MOST_TOKENS, find_token, make_token, token_holds
from confchat.accounts.farewell import delete_account
from confchat.accounts.models import AccessToken
from confchat.admission import token_login, watch_login
from confchat.models import ADMINS, User

pytestmark = [pytest.mark.django_db]

PAGE = "/accounts/tokens/"
PASSWORD = "a long password for tests"
NOW = timezone.now()


@pytest.fixture(autouse=True)
def _fresh_budgets() -> None:
    cache.clear()


@pytest.fixture
def user() -> User:
    return User.objects.create_user("writer", password=PASSWORD)


def sign_in(name: str) -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": name, "password": PASSWORD})
    return client


def confirm(client: Client) -> Client:
    """Show once more who one is, as changes of accounts want it."""
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def make(user: User, **changes: Any) -> str:
    return make_token(user, **{"name": "a script", "days": 30, "now": NOW, **changes})


def test_a_token_is_shown_once_and_kept_as_a_digest(user: User) -> None:
    client = confirm(sign_in("writer"))
    shown = client.post(PAGE, {"name": "nightly report", "days": 30}).content.decode()
    (text,) = re.findall(r"confchat_[0-9a-f-]{36}_[\w-]{43}", shown)
    row = AccessToken.objects.get()
    assert find_token(text, now=NOW) == row
    assert parse_access_token(text).secret not in bytes(row.digest)
    later = client.get(PAGE).content.decode()
    assert "nightly report" in later
    assert text not in later


def test_a_token_is_made_only_by_somebody_who_showed_lately_who_he_is(user: User) -> None:
    answer = sign_in("writer").post(PAGE, {"name": "x", "days": 30})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert not AccessToken.objects.exists()


def test_a_letter_tells_that_a_token_was_made(user: User) -> None:
    EmailAddress.objects.create(user=user, email="writer@example.com", verified=True, primary=True)
    shown = confirm(sign_in("writer")).post(PAGE, {"name": "nightly report", "days": 7}).content.decode()
    (letter,) = mail.outbox
    assert "nightly report" in letter.body
    assert re.findall(r"confchat_\S{80}", shown)[0] not in letter.body


def test_a_token_ends_at_its_date_with_its_account_and_with_the_setting(user: User) -> None:
    text = make(user)
    assert find_token(text, now=NOW + timedelta(days=29)) is not None
    assert find_token(text, now=NOW + timedelta(days=30)) is None
    with override_settings(CONFCHAT_ACCESS_TOKENS=False):
        assert find_token(text, now=NOW) is None
    User.objects.update(is_active=False)
    assert find_token(text, now=NOW) is None


def test_a_token_is_its_own_accounts_alone(user: User) -> None:
    given = parse_access_token(make(user))
    other = User.objects.create_user("other", password=PASSWORD)
    assert find_token(type(given)(str(other.pk), given.secret).to_text(), now=NOW) is None
    token = AccessToken.objects.get()
    assert not token_holds(str(token.pk), user=str(other.pk), now=NOW)
    assert sign_in("other").post(f"{PAGE}{token.pk}/revoke").status_code == 404
    assert token_holds(str(token.pk), user=str(user.pk), now=NOW)


def test_when_a_token_was_last_used_is_written_down_once_a_minute(user: User) -> None:
    text = make(user)
    for seconds in (0, 30, 90):
        find_token(text, now=NOW + timedelta(seconds=seconds))
    assert AccessToken.objects.get().last_used_at == NOW + timedelta(seconds=90)


def test_an_account_has_no_more_tokens_than_can_be_looked_over(user: User) -> None:
    for _ in range(MOST_TOKENS):
        make(user)
    client = confirm(sign_in("writer"))
    refused = client.post(PAGE, {"name": "one more", "days": 30})
    assert (refused.status_code, AccessToken.objects.count()) == (400, MOST_TOKENS)
    client.post(f"{PAGE}{AccessToken.objects.earliest('created_at').pk}/revoke")
    assert client.post(PAGE, {"name": "one more", "days": 30}).status_code == 200


@pytest.mark.parametrize("end", ["revoke", "close", "end-logins", "reset", "delete"])
def test_what_ends_a_token_ends_its_sockets(end: str, user: User) -> None:
    make(user)
    token = str(AccessToken.objects.get().pk)
    ended: list[str] = []

    async def watch() -> None:
        watch_login(token_login(token), lambda: ended.append(token))

    with asyncio.Runner() as runner:
        runner.run(watch())
        ENDS[end](user, token)
        runner.run(asyncio.sleep(0))
    assert ended == [token]
    assert not AccessToken.objects.exists()


def _as_admin(act: str) -> Any:
    def post(user: User, _token: str) -> None:
        head = User.objects.create_user("head", password=PASSWORD)
        head.groups.add(Group.objects.get_or_create(name=ADMINS)[0])
        assert confirm(sign_in("head")).post(f"/people/{user.pk}/", {"act": act}).status_code == 302

    return post


ENDS = {
    "revoke": lambda _user, token: sign_in("writer").post(f"{PAGE}{token}/revoke"),
    "close": _as_admin("close"),
    "end-logins": _as_admin("end-logins"),
    "reset": lambda user, _token: password_reset.send(User, request=_request(), user=user),
    "delete": lambda user, _token: delete_account(user),
}


def _request() -> Any:
    request = Client().get("/accounts/login/").wsgi_request
    request.session = Client().session
    return request


def test_an_operator_makes_one_for_an_account_that_no_person_uses(
    user: User, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("access_token", "writer", "--name", "a service")
    assert find_token(capsys.readouterr().out.strip(), now=NOW) is not None
    with pytest.raises(CommandError, match="no account"):
        call_command("access_token", "nobody", "--name", "x")


@override_settings(CONFCHAT_ACCESS_TOKENS=False)
def test_where_tokens_are_switched_off_nobody_makes_one(user: User) -> None:
    client = sign_in("writer")
    assert "CONFCHAT_ACCESS_TOKENS" in confirm(client).post(PAGE, {"name": "x", "days": 30}).content.decode()
    with pytest.raises(CommandError, match="switched off"):
        call_command("access_token", "writer", "--name", "x")
    assert not AccessToken.objects.exists()

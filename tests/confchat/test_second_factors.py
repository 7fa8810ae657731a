"""Second factors, and an account's end."""

from __future__ import annotations

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from attestation.models import LogEntry, Proposal
from confchat.models import Conversation, Message, User
from tests.confchat.test_accounts import OWN, PASSWORD, confirm, sign_in

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _fresh_budgets() -> None:
    cache.clear()


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna", password=PASSWORD)


def code_of(secret: str, *, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def turn_on(client: Client) -> str:
    secret: str = client.get("/accounts/2fa/totp/activate/").context["form"].secret
    client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    return secret


def test_with_an_app_a_password_alone_opens_nothing(anna: User) -> None:
    secret = turn_on(confirm(sign_in("anna")))
    client = sign_in("anna")
    assert client.get(OWN).status_code == 302
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert client.get(OWN).status_code == 302
    cache.clear()  # a code is good once
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert client.get(OWN).status_code == 200


def test_a_recovery_code_opens_once(anna: User) -> None:
    client = confirm(sign_in("anna"))
    turn_on(client)
    page = client.get("/accounts/2fa/recovery-codes/")
    code = page.context["unused_codes"][0]
    assert code in page.content.decode()
    answers = []
    for _ in range(2):
        cache.clear()
        other = sign_in("anna")
        other.post("/accounts/2fa/authenticate/", {"code": code})
        answers.append(other.get(OWN).status_code)
    assert answers == [200, 302]


def test_the_database_holds_no_secret_of_an_app_in_clear(anna: User) -> None:
    secret = turn_on(confirm(sign_in("anna")))
    assert all(secret not in str(row.data) for row in Authenticator.objects.filter(user=anna))


def test_who_deletes_his_account_leaves_no_row_and_a_blinded_word_in_the_log(anna: User) -> None:
    talk = Conversation.objects.create(
        user=anna, uuid="00000000-0000-4000-8000-000000000009", model="m", updated_at=timezone.now()
    )
    Message.objects.create(
        conversation=talk, uuid="00000000-0000-4000-8000-000000000008", role="user", sealed=b"sealed"
    )
    client, elsewhere = sign_in("anna"), sign_in("anna")
    assert client.post("/accounts/delete/", {"username": "anna"}).status_code == 302  # shows first who he is
    confirm(client)
    assert client.post("/accounts/delete/", {"username": "bert"}).status_code == 409
    assert client.post("/accounts/delete/", {"username": "anna"}).status_code == 200
    assert not User.objects.filter(username="anna").exists()
    assert not Message.objects.exists()
    assert elsewhere.get(OWN).status_code == 302
    entries = [bytes(entry.entry) for entry in LogEntry.objects.filter(kind="deletion")]
    assert len(entries) == 2
    assert all(str(anna.pk).encode() not in entry for entry in entries)


def test_who_stands_in_a_decision_about_policy_keeps_his_account(anna: User) -> None:
    Proposal.objects.create(
        id="00000000-0000-4000-8000-000000000007",
        kind="policy",
        content=b"{}",
        seal=b"",
        reason="why",
        proposed_by=anna,
        proposed_at=timezone.now(),
    )
    Conversation.objects.create(
        user=anna, uuid="00000000-0000-4000-8000-000000000009", model="m", updated_at=timezone.now()
    )
    assert confirm(sign_in("anna")).post("/accounts/delete/", {"username": "anna"}).status_code == 409
    assert Conversation.objects.count() == User.objects.count() == 1

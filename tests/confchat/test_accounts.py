"""How people get an account, prove who they are, and lose what they should lose."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import reverse

from confchat.accounts.models import Invitation
from confchat.accounts.printed_letters import EmailBackend
from confchat.accounts.templatetags.browsers import browser_name
from confchat.models import ADMINS, AUDITORS, User

pytestmark = [pytest.mark.django_db]

OWN = "/accounts/"
PASSWORD = "a long password for tests"
OPEN = {
    "CONFCHAT_SIGNUP": "open",
    "ACCOUNT_EMAIL_VERIFICATION": "mandatory",
    "ACCOUNT_SIGNUP_FIELDS": ["username*", "email*", "password1*", "password2*"],
}


@pytest.fixture(autouse=True)
def _fresh_budgets() -> None:
    cache.clear()


@pytest.fixture
def admin() -> Client:
    user = User.objects.create_user("head", password=PASSWORD)
    user.groups.add(Group.objects.get_or_create(name=ADMINS)[0])
    Group.objects.get_or_create(name=AUDITORS)
    return confirm(sign_in("head"))


def confirm(client: Client) -> Client:
    """Show once more who one is, as changes of accounts want it."""
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def sign_in(name: str, password: str = PASSWORD) -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": name, "password": password})
    return client


def sign_up(client: Client, name: str, email: str = "") -> Any:
    form = {"username": name, "email": email, "password1": PASSWORD, "password2": PASSWORD}
    return client.post("/accounts/signup/", form)


def link_in(text: str) -> str:
    found = re.search(r"https?://[^/]+(/\S+)", text)
    assert found is not None, text
    return found[1]


@override_settings(CONFCHAT_SIGNUP="closed")
def test_where_sign_up_is_closed_nobody_signs_up_even_with_an_invitation(admin: Client) -> None:
    with override_settings(CONFCHAT_SIGNUP="invitation"):
        link = invitation_link(admin)
    stranger = Client()
    assert stranger.get(link).status_code == 404
    sign_up(stranger, "mallory")
    assert not User.objects.filter(username="mallory").exists()


def invitation_link(admin: Client, **form: Any) -> str:
    page = admin.post("/people/invitations/", form).content.decode()
    found = re.search(r'class="secret">([^<]+)<', page)
    assert found is not None
    return link_in(found[1])


def test_an_invitation_makes_one_account_with_its_roles_and_no_second(admin: Client) -> None:
    link = invitation_link(admin, groups=[AUDITORS])
    secret = link.rstrip("/").rpartition("/")[2].encode()
    assert all(secret not in bytes(row.digest) for row in Invitation.objects.all())
    guests = [Client(), Client()]
    for guest in guests:
        assert guest.get(link).status_code == 302
    for number, guest in enumerate(guests):
        sign_up(guest, f"guest{number}")
    assert [user.username for user in User.objects.filter(groups__name=AUDITORS)] == ["guest0"]
    assert not User.objects.filter(username="guest1").exists()
    assert Client().get(link).status_code == 404


def test_an_invitation_by_mail_verifies_its_address_and_is_not_shown_to_the_admin(admin: Client) -> None:
    page = admin.post("/people/invitations/", {"email": "new@example.org"}).content.decode()
    link = link_in(mail.outbox[0].body)
    assert link not in page
    guest = Client()
    guest.get(link)
    sign_up(guest, "guest", "new@example.org")
    assert User.objects.get(username="guest").emailaddress_set.get().verified


def test_without_an_invitation_nobody_signs_up() -> None:
    client = Client()
    assert 'name="password1"' not in client.get("/accounts/signup/").content.decode()
    sign_up(client, "mallory")
    assert not User.objects.filter(username="mallory").exists()


@override_settings(**OPEN)
def test_open_sign_up_lets_in_who_verified_his_address() -> None:
    client = Client()
    assert sign_up(client, "anna", "anna@example.org")["Location"] == "/accounts/confirm-email/"
    assert client.get(OWN).status_code == 302
    link = link_in(mail.outbox[0].body)
    client.post(link)
    assert sign_in("anna").get(OWN).status_code == 200


@override_settings(**OPEN)
def test_accounts_without_an_address_still_sign_in_where_addresses_are_verified() -> None:
    User.objects.create_user("made", password=PASSWORD)
    assert sign_in("made").get(OWN).status_code == 200


def test_a_reset_says_what_it_cannot_restore_and_ends_every_login() -> None:
    User.objects.create_user("anna", email="anna@example.org", password=PASSWORD)
    elsewhere = sign_in("anna")
    assert elsewhere.get(OWN).status_code == 200
    client = Client()
    assert "does not bring back your history" in client.get("/accounts/password/reset/").content.decode()
    client.post("/accounts/password/reset/", {"email": "anna@example.org"})
    letter = mail.outbox[-1]
    assert "does not bring back your history" in letter.body
    page = client.get(link_in(letter.body), follow=True)
    assert "does not bring back your history" in page.content.decode()
    client.post(page.redirect_chain[-1][0], {"password1": "another long one", "password2": "another long one"})
    assert elsewhere.get(OWN).status_code == 302
    assert sign_in("anna").get(OWN).status_code == 302
    assert sign_in("anna", "another long one").get(OWN).status_code == 200


def test_a_reset_tells_nobody_whether_there_is_an_account() -> None:
    answers = {Client().post("/accounts/password/reset/", {"email": "no@example.org"}).status_code}
    User.objects.create_user("anna", email="anna@example.org", password=PASSWORD)
    answers.add(Client().post("/accounts/password/reset/", {"email": "anna@example.org"}).status_code)
    assert answers == {302}
    assert [letter.to for letter in mail.outbox] == [["anna@example.org"]]


def test_wrong_passwords_lock_a_name_for_a_while() -> None:
    User.objects.create_user("anna", password=PASSWORD)
    for _ in range(5):
        sign_in("anna", "wrong")
    assert sign_in("anna").get(OWN).status_code == 302
    cache.clear()
    assert sign_in("anna").get(OWN).status_code == 200


def test_the_last_admin_stays_one(admin: Client) -> None:
    head = User.objects.get(username="head")
    for act in ("roles", "close"):
        assert admin.post(reverse("person", args=[head.pk]), {"act": act}).status_code == 409
    assert User.objects.get(groups__name=ADMINS, is_active=True) == head


def test_closing_an_account_ends_its_logins_and_a_link_gives_a_new_password(admin: Client) -> None:
    anna = User.objects.create_user("anna", password=PASSWORD)
    client = sign_in("anna")
    page = admin.post(reverse("person", args=[anna.pk]), {"act": "reset"}).content.decode()
    found = re.search(r'class="secret">([^<]+)<', page)
    assert found is not None
    assert Client().get(link_in(found[1])).status_code == 302
    admin.post(reverse("person", args=[anna.pk]), {"act": "close"})
    assert client.get(OWN).status_code == 302
    assert sign_in("anna").get(OWN).status_code == 302
    admin.post(reverse("person", args=[anna.pk]), {"act": "reopen"})
    assert sign_in("anna").get(OWN).status_code == 200


def test_a_new_accounts_first_password_opens_it(admin: Client) -> None:
    page = admin.post("/people/new/", {"username": "bert", "groups": [AUDITORS]}).content.decode()
    found = re.search(r'class="secret">([^<]+)<', page)
    assert found is not None
    assert sign_in("bert", found[1]).get(OWN).status_code == 200
    assert User.objects.filter(username="bert", groups__name=AUDITORS).exists()


def test_what_admins_do_with_accounts_wants_them_to_show_who_they_are(admin: Client) -> None:
    anna = User.objects.create_user("anna", password=PASSWORD)
    answer = sign_in("head").post(reverse("person", args=[anna.pk]), {"act": "close"})
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    anna.refresh_from_db()
    assert anna.is_active


def test_a_visit_from_another_site_is_taken_on_by_a_page_of_ours() -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    page = Client().get("/accounts/login/?next=/how/", headers=headers).content.decode()
    assert 'content="0;url=/accounts/login/?next=/how/"' in page
    assert "password" not in page
    assert "password" in Client().get("/accounts/login/").content.decode()


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
            "Chrome (Linux)",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0",
            "Edge (Windows)",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari (iPhone)"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", "Firefox (Android)"),
        ("curl/8.9.1", "curl/8.9.1"),
    ],
)
def test_browsers_have_the_names_that_people_know(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name


def test_letters_in_development_are_printed_where_the_programs_speak(capsys: pytest.CaptureFixture[str]) -> None:
    mail.send_mail("Look", "A link", None, ["new@example.org"], connection=EmailBackend())
    assert "A link" in capsys.readouterr().err

"""A lost history key: what starting over deletes, and who may still do what afterwards."""

from __future__ import annotations

import re
import uuid

import httpx
import pytest
from django.test import Client

from attestation.models import LogEntry
from confchat.conversations import Shelf
from confchat.deletion import delete_due, restore_history
from confchat.errors import RequestError
from confchat.folders import Folders
from confchat.history_key import prove_history_key
from confchat.models import Conversation, FolderList, HistoryKeyCheck, User
from confchat.starting_over import start_over
from confchat.turns import Turn
from tests.product import Server
from tests.session_client import SessionClient, account_id, log_in

OLD, NEW = bytes(range(32)), bytes(range(1, 33))


@pytest.fixture
def user(db: None) -> str:
    user = str(User.objects.create_user("amina").pk)
    prove_history_key(OLD, user=user, enroll=True)
    prompt = Turn(uuid=str(uuid.uuid4()), parent=None, role="user", text="Hello")
    reply = Turn(uuid=str(uuid.uuid4()), parent=prompt.uuid, role="assistant", text="")
    Shelf(OLD, user=user).ask(str(uuid.uuid4()), prompt, answer=reply, model="m")
    Folders(OLD, user=user).name(str(uuid.uuid4()), "Work")
    return user


def test_starting_over_deletes_everything_for_good_and_takes_another_key(user: str) -> None:
    start_over(user)
    assert restore_history(user, until=int(Conversation.objects.get().delete_at.timestamp())) == 0  # type: ignore[union-attr]
    assert delete_due() == 1
    assert not Conversation.objects.exists()
    assert not FolderList.objects.exists()
    prove_history_key(NEW, user=user, enroll=True)
    kinds = list(LogEntry.objects.order_by("index").values_list("kind", flat=True))
    assert kinds == ["history key", "deletion", "history key"]


def test_the_old_key_opens_nothing_any_more(user: str) -> None:
    start_over(user)
    for enroll in (False, True):
        prove_history_key(NEW, user=user, enroll=True)
        with pytest.raises(RequestError) as refused:
            prove_history_key(OLD, user=user, enroll=enroll)
        assert refused.value.code == "history_key_wrong"


def test_nobody_elses_history_is_touched(user: str) -> None:
    start_over(str(User.objects.create_user("berit").pk))
    assert HistoryKeyCheck.objects.filter(user_id=user).exists()
    assert Conversation.objects.get().delete_at is None


def test_who_did_not_sign_in_lately_does_so_again_before_anything_is_deleted(user: str) -> None:
    account = User.objects.get(pk=user)
    account.set_password("a password only for tests")
    account.save()
    client = Client()
    client.force_login(account)
    for answer in (client.get("/history/start-over/"), client.post("/history/start-over/")):
        assert answer.status_code == 302
        assert "/reauthenticate/" in answer.headers["location"]
    assert HistoryKeyCheck.objects.filter(user_id=user).exists()


async def test_a_session_that_was_open_meanwhile_stores_nothing_under_the_old_key(server: Server) -> None:
    name = server.new_account("starter")
    with log_in(server.address, name, server.password) as login:
        person = account_id(login)
        async with SessionClient.connected(server.address, login.cookies, user=person, history_key=OLD) as client:
            await client.ask()
            await client.open()
            assert (await client.call("folder.name", folder=str(uuid.uuid4()), name="Old"))["type"] == "folder.list"
            assert start_over_by_form(login, server).status_code == 204
            refused = await client.call("folder.name", folder=str(uuid.uuid4()), name="Late")
            assert (refused["type"], refused["code"]) == ("error", "history_key_wrong")
            refused = await client.ask_model("Too late.")
            assert (refused["type"], refused["code"]) == ("error", "history_key_wrong")
        async with SessionClient.connected(server.address, login.cookies, user=person, history_key=NEW) as client:
            await client.ask()
            await client.open()
            assert (await client.call("folder.list"))["folders"] == []


def start_over_by_form(login: httpx.Client, server: Server) -> httpx.Response:
    """Sign in anew, as the page asks for, and start over; `login` follows redirections."""
    asked = login.get("/history/start-over/")
    assert "/reauthenticate/" in str(asked.url)
    page = send_form(login, server, asked, password=server.password)
    assert page.url.path == "/history/start-over/"
    return send_form(login, server, page)


def send_form(login: httpx.Client, server: Server, page: httpx.Response, **fields: str) -> httpx.Response:
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)"', page.text))
    return login.post(str(page.url), data=hidden | fields, headers={"Referer": str(page.url), "Origin": server.address})

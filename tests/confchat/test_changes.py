"""What one session changes, the user's others hear of: where, and never what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from confchat.changes import ALL, MAX_CHANGES, Change, Changes, Follower
from tests.confchat.sessions import KEY
from tests.product import Server
from tests.session_client import SessionClient, account_id, log_in, new_id

OWNER = ("user", b"key")


async def told(changes: Changes, *made: Change) -> list[list[Change]]:
    """Return what a follower is told of what another session changes."""
    heard: list[list[Change]] = []
    done = asyncio.Event()

    def hear(news: list[Change]) -> None:
        heard.append(news)
        done.set()

    follower = Follower(hear)
    changes.follow(OWNER, follower)
    for change in made:
        changes.tell(OWNER, change, by=None)
    async with asyncio.timeout(10):
        await done.wait()
    changes.leave(OWNER, follower)
    return heard


async def test_what_comes_together_is_told_once_and_too_much_of_it_as_everything() -> None:
    a, b = Change("messages", "a"), Change("folders")
    assert await told(Changes(), a, a, b, a) == [[a, b]]
    many = [Change("messages", str(number)) for number in range(MAX_CHANGES + 1)]
    assert await told(Changes(), *many) == [[ALL]]


async def test_nobody_hears_himself_another_key_or_what_comes_after_he_left() -> None:
    changes = Changes()
    heard: list[list[Change]] = []
    own, other, gone = (Follower(heard.append) for _ in range(3))
    changes.follow(OWNER, own)
    changes.follow(("user", b"another key"), other)
    changes.follow(OWNER, gone)
    changes.tell(OWNER, ALL, by=own)
    changes.leave(OWNER, gone)
    assert await told(changes, Change("folders")) == [[Change("folders")]]
    assert heard in ([], [[Change("folders")]])
    assert [ALL] not in heard


@pytest.fixture(scope="module")
def login(server: Server) -> Iterator[httpx.Client]:
    with log_in(server.address, server.new_account("changes"), server.password) as client:
        yield client


@pytest.fixture
async def follower(server: Server, login: httpx.Client) -> AsyncIterator[SessionClient]:
    """Another session of the same user that follows his conversations."""
    async with SessionClient.connected(
        server.address, login.cookies, user=account_id(login), history_key=KEY
    ) as client:
        await client.ask()
        await client.open()
        assert (await client.call("changes.follow"))["type"] == "changes.following"
        yield client


async def heard(follower: SessionClient) -> list[dict[str, Any]]:
    message = await follower.receive()
    assert message["type"] == "changes.noticed", message
    changes: list[dict[str, Any]] = message["changes"]
    return changes


async def test_every_change_shows_in_the_users_other_sessions(
    server: Server, login: httpx.Client, follower: SessionClient
) -> None:
    async with SessionClient.connected(
        server.address, login.cookies, user=account_id(login), history_key=KEY
    ) as client:
        await client.ask()
        await client.open()
        conversation, folder = client.conversation, new_id()
        in_it = {"conversation": conversation}
        await client.ask_model("Say yes.")
        assert await heard(follower) == [{"kind": "messages", **in_it}]
        await client.finish()
        await client.call("templates.save", templates=[])
        listed: list[dict[str, Any]] = []
        while not listed or listed[-1]["kind"] != "settings":
            listed += await heard(follower)
        assert all(change == {"kind": "messages", **in_it} for change in listed[:-1])
        shown = await follower.call("conversation.open", conversation=conversation, before=None)
        assert [message["state"] for message in shown["messages"]] == ["complete", "complete"]
        await client.call("folder.name", folder=folder, name="Work")
        assert await heard(follower) == [{"kind": "folders", "conversation": None}]
        for kind, members in {
            "conversation.rename": {"title": "T"},
            "conversation.pin": {"pinned": True},
            "conversation.archive": {"archived": True},
            "conversation.move": {"folder": folder},
            "conversation.delete": {},
            "conversation.restore": {},
        }.items():
            await client.call(kind, **in_it, **members)
            assert await heard(follower) == [{"kind": "conversation", **in_it}], kind
        until = (await client.call("history.delete"))["until"]
        assert await heard(follower) == [{"kind": "history", "conversation": None}]
        await client.call("history.restore", until=until)
        assert await heard(follower) == [{"kind": "history", "conversation": None}]


async def test_a_temporary_chat_is_told_to_nobody(server: Server, login: httpx.Client, follower: SessionClient) -> None:
    async with SessionClient.connected(
        server.address, login.cookies, user=account_id(login), history_key=KEY
    ) as client:
        await client.ask()
        await client.open()
        await client.ask_model("Say yes.", temporary=True)
        await client.finish()
        await client.call("templates.save", templates=[])
    assert await heard(follower) == [{"kind": "settings", "conversation": None}]


async def test_who_has_no_history_key_follows_nothing(server: Server, login: httpx.Client) -> None:
    async with SessionClient.connected(server.address, login.cookies, user=account_id(login)) as client:
        await client.ask()
        await client.open()
        assert (await client.call("changes.follow"))["code"] == "not_stored"

"""An allowance as an independent client meets it, in the real product."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from tests.confchat.sessions import KEY
from tests.product import Server
from tests.session_client import SessionClient, account_id, log_in, new_id

ALLOW = """
from confchat.accounts.models import Allowance
from confchat.models import User
user = User.objects.create_user({name!r}, password={password!r})
Allowance.objects.create(user=user, messages={messages}, tokens={tokens})
"""
USED = """
SELECT messages, reserved_tokens, prompt_tokens, answer_tokens
FROM people_usage JOIN confchat_user ON confchat_user.id = user_id WHERE username = ?
"""


def allow(server: Server, *, messages: int | None = None, tokens: int | None = None) -> str:
    """Make an account with an allowance; return its name."""
    name = f"frugal-{new_id()}"
    code = ALLOW.format(name=name, password=server.password, messages=messages, tokens=tokens)
    server.manage("shell", "-v0", "-c", code)
    return name


def used(server: Server, name: str) -> tuple[int, ...]:
    with closing(sqlite3.connect(server.data_dir / "db.sqlite3")) as database:
        row: tuple[int, ...] = database.execute(USED, [name]).fetchone()
    return row


async def test_sessions_at_once_share_an_allowance_and_a_message_sent_again_is_spent_once(server: Server) -> None:
    name = await asyncio.to_thread(allow, server, messages=1)
    with log_in(server.address, name, server.password) as login:
        user = account_id(login)
        connect = SessionClient.connected
        async with (
            connect(server.address, login.cookies, user=user, history_key=KEY) as one,
            connect(server.address, login.cookies, user=user, history_key=KEY) as other,
        ):
            for client in (one, other):
                await client.ask()
                await client.open()
            prompt = {"message": new_id(), "parent": None, "text": "What is rain?", "options": {"num_predict": 8}}
            answers = await asyncio.gather(
                *(client.call("chat.send", conversation=client.conversation, **prompt) for client in (one, other))
            )
            lucky = one if answers[0]["type"] == "chat.started" else other
            refused = next(answer for answer in answers if answer["type"] == "error")
            assert (refused["code"], refused["retry"]) == ("quota_exhausted", False)
            assert refused["until"] % 86_400 == 0
            _texts, done = await lucky.finish()
            again = await lucky.call("chat.send", conversation=lucky.conversation, **prompt)
            assert again["type"] == "chat.started"
            assert (await lucky.finish())[1]["reason"] == done["reason"]
            loser = other if lucky is one else one
            found = await loser.call("conversation.open", conversation=loser.conversation)
            assert found["code"] == "not_found", "what was refused is not stored"
            refused = await loser.ask_model("And at no other place.", temporary=True)
            assert refused["code"] == "quota_exhausted"
    messages, reserved, prompts, answers_ = used(server, name)
    assert (messages, reserved) == (1, 0)
    assert prompts == done["usage"]["prompt_tokens"]
    assert answers_ == done["usage"]["completion_tokens"]


@pytest.mark.parametrize("is_stopped", [False, True])
async def test_an_answer_ends_where_the_tokens_do_and_one_that_is_stopped_is_counted(
    server: Server, is_stopped: bool
) -> None:
    limit = 1000 if is_stopped else 90
    name = await asyncio.to_thread(allow, server, tokens=limit)
    with log_in(server.address, name, server.password) as login:
        connected = SessionClient.connected(server.address, login.cookies, user=account_id(login), history_key=KEY)
        async with connected as client:
            await client.ask()
            await client.open()
            started = await client.ask_model("Tell a very long story of the sea.", tokens=1000, effort="off")
            if is_stopped:
                await client.receive()
                await client.request("chat.stop", reply=started["reply"])
            while (message := await client.receive())["type"] != "chat.done":
                pass
            assert message["reason"] == ("cancelled" if is_stopped else "length")
            if not is_stopped:
                refused = await client.ask_model("More.", message=new_id(), parent=started["reply"])
                assert refused["code"] == "quota_exhausted"
    messages, reserved, prompts, answers = used(server, name)
    assert (messages, reserved) == (1, 0)
    assert prompts > 0
    assert answers > 0
    assert prompts + answers <= limit + 20  # what the model counts of a prompt, and what we guess, differ by a few

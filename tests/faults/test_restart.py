"""A web server that ends in the middle of an answer: what was shown is stored."""

from __future__ import annotations

import asyncio
import signal

import httpx

from tests.confchat.sessions import KEY
from tests.faults.installation import Installation, beside
from tests.faults.surroundings import Surroundings
from tests.faults.test_sockets import counting
from tests.session_client import SessionClient


async def test_an_orderly_end_loses_nothing_that_was_shown(
    surroundings: Surroundings, installation: Installation, login: httpx.Client, user: str
) -> None:
    surroundings.model.pieces = counting(500)
    with beside(installation) as server:
        connected = SessionClient.connected(server.address, login.cookies, user=user, history_key=KEY)
        async with connected as client:
            await client.ask()
            await client.open()
            await client.ask_model("Count.")
            shown = ""
            while len(shown) < 200:
                shown += (await client.receive()).get("content", "")
            await asyncio.to_thread(server.end, signal.SIGTERM)
            assert await client.closed_with() == 1012
        await asyncio.wait_for(surroundings.model.freed.wait(), 5)
        await asyncio.to_thread(server.start)
        async with SessionClient.connected(server.address, login.cookies, user=user, history_key=KEY) as again:
            await again.ask(conversation=client.conversation)
            await again.open()
            page = await again.call("conversation.open", conversation=client.conversation, before=None)
    answer = page["messages"][1]
    assert (answer["state"], answer["reason"]) == ("incomplete", "truncated")
    assert answer["text"].startswith(shown)

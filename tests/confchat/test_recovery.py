"""What becomes of a conversation when the server dies, and when a platform is not what it should be."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx

from benchmarks.product import token_server
from benchmarks.token_server import NAME
from tests.confchat.sessions import KEY, log_in_user
from tests.policies import write_policy
from tests.product import running_server
from tests.session_client import SessionClient, account_id


async def test_a_partial_answer_survives_a_killed_server(tmp_path: Path) -> None:
    with ExitStack() as stack:
        model = stack.enter_context(token_server(rate=20, tokens=400))
        settings = {"OLLAMA_HOST": model, "CONFCHAT_MODEL": NAME}
        own = stack.enter_context(running_server(tmp_path / "data", **settings))
        login = stack.enter_context(log_in_user(own))
        user = account_id(login)
        async with SessionClient.connected(own.address, login.cookies, user=user, history_key=KEY) as client:
            await client.ask()
            await client.open()
            await client.ask_model("Speak.")
            seen = await spoken_for(client, seconds=2.5)
            conversation = client.conversation
            os.kill(own.pid_of("confchat.web_server"), signal.SIGKILL)
        await asyncio.to_thread(wait_until_answering, login)
        async with SessionClient.connected(own.address, login.cookies, user=user, history_key=KEY) as client:
            await client.ask(conversation=conversation)
            await client.open()
            found = await client.call("conversation.open", conversation=conversation, before=None)
    prompt, answer = found["messages"]
    assert prompt["text"] == "Speak."
    assert (answer["state"], answer["reason"]) == ("incomplete", "truncated")
    assert len(answer["text"]) >= 20 * len(" word"), "what came until a second before is stored"
    assert seen.startswith(answer["text"][: len(seen)])


async def spoken_for(client: SessionClient, *, seconds: float) -> str:
    """Return what a running answer says in the next seconds."""
    text, deadline = "", asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        text += (await client.receive()).get("content", "")
    return text


def wait_until_answering(login: httpx.Client) -> None:
    """Wait until the server, started again by its supervisor, answers."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if login.get("/healthz").status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError("the server did not come back")


def warning(directory: Path) -> str:
    return write_policy(directory / "policy.json", enforcement="warn")


async def test_under_warn_a_risk_is_accepted_only_when_the_machine_itself_is_proved(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", CONFCHAT_POLICY=warning(tmp_path)) as own, log_in_user(own) as login:
        user = account_id(login)
        for change, opens in (("outdated", True), ("debug", False), ("revoke", False)):
            own.manage("simulator", "restore")
            own.manage("simulator", change)
            async with SessionClient.connected(own.address, login.cookies, user=user) as client:
                verdict = await client.ask()
                assert verdict["outcome"] == "contraindicated", change
                await client.send_opening(accept_risk=True)
                reply = await client.receive_clear()
                assert reply["type"] == ("session.switch" if opens else "error"), (change, reply)


async def test_a_history_key_with_a_risk_accepted_is_refused(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", CONFCHAT_POLICY=warning(tmp_path)) as own:
        own.manage("simulator", "outdated")
        with log_in_user(own) as login:
            user = account_id(login)
            async with SessionClient.connected(own.address, login.cookies, user=user, history_key=KEY) as client:
                await client.ask()
                await client.send_opening(accept_risk=True)
                assert (await client.receive_clear())["code"] == "refused_by_policy"

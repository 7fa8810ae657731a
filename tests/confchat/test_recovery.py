"""What becomes of a conversation when the server dies, and when a platform is not what it should be."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import httpx

from tests.confchat.sessions import KEY, log_in_user
from tests.product import running_server
from tests.session_client import SessionClient, account_id


async def test_a_partial_answer_survives_a_killed_server(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as own, log_in_user(own) as login:
        user = account_id(login)
        async with SessionClient.connected(own.address, login.cookies, user=user, history_key=KEY) as client:
            await client.ask()
            await client.open()
            await client.ask_model("Count to 900.", tokens=400)
            texts = {"thinking": "", "content": ""}
            deadline = asyncio.get_running_loop().time() + 2.5
            while asyncio.get_running_loop().time() < deadline:
                message = await client.receive()
                for name in texts:
                    texts[name] += message.get(name, "")
            conversation = client.conversation
            os.kill(own.pid_of("confchat.web_server"), signal.SIGKILL)
        for _ in range(100):
            await asyncio.sleep(0.1)
            try:
                if login.get("/healthz").status_code == 200:
                    break
            except httpx.TransportError:
                continue
        async with SessionClient.connected(own.address, login.cookies, user=user, history_key=KEY) as client:
            await client.ask(conversation=conversation)
            await client.open()
            found = await client.call("conversation.open", conversation=conversation, before=None)
    prompt, answer = found["messages"]
    assert prompt["text"] == "Count to 900."
    assert (answer["state"], answer["reason"]) == ("incomplete", "truncated")
    stored = answer["thinking"] + answer["text"]
    assert stored
    assert (texts["thinking"] + texts["content"]).startswith(stored[:50])


async def test_under_warn_a_risk_is_accepted_only_when_the_machine_itself_is_proved(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", CONFCHAT_POLICY="warn") as own, log_in_user(own) as login:
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
    with running_server(tmp_path / "data", CONFCHAT_POLICY="warn") as own:
        own.manage("simulator", "outdated")
        with log_in_user(own) as login:
            user = account_id(login)
            async with SessionClient.connected(own.address, login.cookies, user=user, history_key=KEY) as client:
                await client.ask()
                await client.send_opening(accept_risk=True)
                assert (await client.receive_clear())["code"] == "refused_by_policy"

"""Clients that know the protocol and mean harm: nobody but themselves notices."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from attestation.encoding import b64encode
from tests.confchat.sessions import KEY, log_in_user
from tests.product import MODELS, Server, running_server
from tests.session_client import SessionClient, account_id, log_in, new_id


async def test_a_cursor_out_of_all_time_harms_no_later_request(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    reply = await client.call("conversation.list", before="0001-01-01T00:00:00+23:59/1")
    assert (reply["type"], reply["code"]) == ("error", "not_found")
    assert (await client.call("conversation.list"))["type"] == "conversation.list"


async def test_who_has_the_cookie_but_not_the_history_key_ends_no_answer(
    client: SessionClient, server: Server, login: httpx.Client, user: str
) -> None:
    await client.ask()
    await client.open()
    started = await client.ask_model("Tell a long story.", tokens=96)
    async with SessionClient.connected(server.address, login.cookies, user=user) as thief:
        await thief.ask(conversation=client.conversation)
        await thief.open(history_key=None, enroll=False)
        deleted = await thief.call("conversation.delete", conversation=client.conversation)
        assert deleted["code"] == "not_stored"
        for request in (
            {"kind": "chat.stop"},
            {"kind": "chat.resume", "offsets": {"thinking": 0, "content": 0}, "resume": "é"},
        ):
            assert (await thief.call(**request, reply=started["reply"]))["code"] == "not_found"
    _, done = await client.finish()
    assert done["reason"] == "length"


async def test_a_session_listens_to_no_more_answers_than_it_can_want(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    started = await client.ask_model("Tell a long story.", tokens=200)
    members = {"reply": started["reply"], "offsets": {"thinking": 0, "content": 0}}
    ids = [await client.request("chat.resume", **members) for _ in range(40)]
    refused = []
    while len(refused) < 25:
        message = await client.receive()
        if message["type"] == "error":
            assert message["code"] == "busy"
            refused.append(message["id"])
    assert refused == ids[15:]


async def test_a_login_that_has_ended_gets_no_more_evidence(server: Server) -> None:
    with log_in_user(server) as login:
        async with SessionClient.connected(server.address, login.cookies) as client:
            await client.ask()
            log_out(login)
            await client.clear(attest_request())
            assert (await client.receive_clear())["code"] == "login_required"
            assert await client.closed_with() == 4401


async def test_frames_behind_one_that_ended_the_session_are_not_heard(
    client: SessionClient, server: Server, login: httpx.Client, user: str
) -> None:
    await client.ask()
    await client.open()
    spoiled = bytearray(client.seal(b'{"type":"model.list","id":1}'))
    spoiled[-1] ^= 1
    prompt = f'{{"type":"chat.send","id":2,"conversation":"{client.conversation}","message":"{new_id()}",'
    next_frame = client.seal(f'{prompt}"parent":null,"text":"Not to be heard"}}'.encode())
    await asyncio.gather(client.socket.send(bytes(spoiled)), client.socket.send(next_frame))
    assert await client.closed_with() == 4400
    async with SessionClient.connected(server.address, login.cookies, user=user, history_key=KEY) as later:
        await later.ask()
        await later.open()
        assert (await later.call("conversation.open", conversation=client.conversation))["code"] == "not_found"


async def test_strangers_who_speak_before_they_are_refused_take_no_place(tmp_path: Path) -> None:
    if not MODELS.is_dir():
        pytest.skip("no embedded model: make var/models/.unpacked")
    with running_server(tmp_path / "data", CONFCHAT_MAX_SOCKETS="4") as server:
        for _ in range(40):
            speak_at_once(server)
        await asyncio.sleep(1)
        async with SessionClient.connected(server.address, None) as stranger:
            assert await stranger.closed_with() == 4401
        assert "Traceback" not in server.output.read_text()


async def test_one_account_has_so_many_sockets_and_other_addresses_none(tmp_path: Path) -> None:
    if not MODELS.is_dir():
        pytest.skip("no embedded model: make var/models/.unpacked")
    with running_server(tmp_path / "data", CONFCHAT_SOCKETS_PER_USER="1") as server:
        with log_in(server.address, "user", server.password) as login:
            async with SessionClient.connected(server.address, login.cookies, user=account_id(login)) as first:
                async with SessionClient.connected(server.address, login.cookies) as second:
                    assert await second.closed_with() == 4429
                assert (await first.ask())["outcome"] == "affirming"
            async with SessionClient.connected(server.address, login.cookies, user=account_id(login)) as next_one:
                assert (await next_one.ask())["outcome"] == "affirming"
        with pytest.raises(InvalidStatus) as refused:
            await connect(server.address.replace("http", "ws") + "/ws/other/")
        assert refused.value.response.status_code == 403
        assert "Traceback" not in server.output.read_text()


async def test_simulated_evidence_is_not_affirmed_for_another_host(tmp_path: Path) -> None:
    if not MODELS.is_dir():
        pytest.skip("no embedded model: make var/models/.unpacked")
    origin = "https://chat.example"
    with running_server(tmp_path / "data", CONFCHAT_ORIGINS=origin, HOST="127.0.0.1") as server:
        async with httpx.AsyncClient(base_url=server.address, headers={"Host": "chat.example"}, trust_env=False) as web:
            answer = await web.post("/attestation/evidence", json={"nonce": b64encode(os.urandom(32))})
        assert answer.json()["verdict"]["outcome"] == "contraindicated"


def attest_request() -> dict[str, object]:
    return {
        "type": "attest.request",
        "nonce": b64encode(os.urandom(32)),
        "conversation": new_id(),
        "suites": ["X25519"],
    }


def log_out(login: httpx.Client) -> None:
    page = login.get("/accounts/logout/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token is not None
    origin = str(page.url.copy_with(path="")).rstrip("/")
    headers = {"Referer": str(page.url), "Origin": origin}
    login.post("/accounts/logout/", data={"csrfmiddlewaretoken": token.group(1)}, headers=headers)
    assert "sessionid" not in login.cookies


def speak_at_once(server: Server) -> None:
    """Send a frame before the answer to the upgrade has come, from another site and without a login."""
    address = urlsplit(server.address)
    text = b'{"type":"attest.request"}'
    upgrade = (
        f"GET /ws/session/ HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: confchat.v1\r\nOrigin: https://evil.example\r\n\r\n"
    )
    with socket.create_connection((str(address.hostname), address.port or 0)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(upgrade.encode())
        time.sleep(0.0005)
        connection.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)
        connection.settimeout(5)
        connection.recv(4096)

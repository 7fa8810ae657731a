"""What bad input gets on the session's socket: a clear code, a close code, and nothing else harmed."""

from __future__ import annotations

import os
from collections import Counter

import httpx
import pytest

from attestation.encoding import b64encode
from tests.confchat.sessions import KEY
from tests.product import Server
from tests.session_client import SessionClient, new_id


async def test_a_stranger_is_told_to_log_in(server: Server) -> None:
    async with SessionClient.connected(server.address, None) as stranger:
        assert await stranger.closed_with() == 4401


async def test_another_origin_is_refused(server: Server, login: httpx.Client) -> None:
    async with SessionClient.connected(server.address, login.cookies, origin="https://evil.example") as other:
        assert await other.closed_with() == 4403


async def test_another_subprotocol_is_refused(server: Server, login: httpx.Client) -> None:
    async with SessionClient.connected(server.address, login.cookies, subprotocols=("confchat.v9",)) as other:
        assert await other.closed_with() == 4400


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"type":"attest.request"}',
        '{"type":"chat.send","text":"in clear"}',
        '{"type":"attest.request","type":"attest.request"}',
        f'{{"type":"attest.request","nonce":"AAAA","conversation":"{new_id()}","suites":["X25519"]}}',
        f'{{"type":"attest.request","nonce":"{b64encode(bytes(32))}","conversation":"{new_id()}","suites":["P256"]}}',
        " " * 17_000,
    ],
)
async def test_a_malformed_clear_frame_ends_the_socket(client: SessionClient, text: str) -> None:
    await client.socket.send(text)
    error = await client.receive_clear()
    assert error == {"type": "error", "code": "bad_message", "retry": False}
    assert await client.closed_with() == 4400


async def test_content_before_a_session_ends_the_socket(client: SessionClient) -> None:
    await client.socket.send(b"\0" * 1048)
    assert await client.closed_with() == 4400


@pytest.mark.parametrize("spoil", ["replay", "skip", "change", "short", "unpadded"])
async def test_a_spoiled_sealed_frame_ends_the_session(client: SessionClient, spoil: str) -> None:
    await client.ask()
    await client.open()
    frame = client.seal(b'{"type":"model.list","id":1}')
    if spoil == "replay":
        await client.socket.send(frame)
        await client.receive()
    elif spoil == "skip":
        frame = client.seal(b'{"type":"model.list","id":2}')
    elif spoil == "change":
        frame = frame[:-1] + bytes([frame[-1] ^ 1])
    elif spoil == "short":
        frame = frame[:7]
    else:
        frame = frame[:-1]
    await client.socket.send(frame)
    assert await client.closed_with() == 4400


async def test_a_record_is_opened_once(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    keys, sent, received = client.keys, client.sent, client.received
    await client.send_opening()
    error = await client.receive_clear()
    assert error["code"] == "record_unknown"
    client.keys, client.sent, client.received = keys, sent, received
    assert (await client.call("model.list"))["type"] == "model.list"


async def test_another_sockets_record_cannot_be_opened(
    client: SessionClient, server: Server, login: httpx.Client, user: str
) -> None:
    await client.ask()
    async with SessionClient.connected(server.address, login.cookies, user=user, history_key=KEY) as thief:
        await thief.ask()
        thief.evidence = client.evidence
        await thief.send_opening()
        assert (await thief.receive_clear())["code"] == "record_unknown"


async def test_an_opening_that_was_not_sealed_to_this_key_is_refused(client: SessionClient) -> None:
    await client.ask()
    sealed = b64encode(os.urandom(1200))
    record = client.evidence["record"]
    await client.clear({"type": "session.open", "record": record, "suite": "MLKEM768-X25519", "sealed": sealed})
    assert (await client.receive_clear())["code"] == "opening_malformed"
    assert await client.closed_with() == 4400


async def test_an_opening_with_unknown_members_is_refused(client: SessionClient) -> None:
    await client.ask()
    await client.send_opening(more=1)
    assert (await client.receive_clear())["code"] == "opening_malformed"


async def test_an_opening_for_another_account_is_refused(client: SessionClient) -> None:
    await client.ask()
    await client.send_opening(user=new_id())
    assert (await client.receive_clear())["code"] == "wrong_account"


async def test_a_client_that_saw_red_is_not_let_in_under_require(client: SessionClient) -> None:
    await client.ask()
    await client.send_opening(outcome="contraindicated", accept_risk=True, history_key=None, enroll=False)
    assert (await client.receive_clear())["code"] == "refused_by_policy"
    assert await client.closed_with() == 4403


async def test_another_history_key_is_refused_and_never_enrolled(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    await client.ask()
    keys, sent, received = client.keys, client.sent, client.received
    await client.send_opening(history_key=b64encode(bytes(32)), enroll=True)
    assert (await client.receive_clear())["code"] == "history_key_wrong"
    client.keys, client.sent, client.received = keys, sent, received
    assert (await client.call("model.list"))["type"] == "model.list", "the session before it goes on"


async def test_an_early_opening_waits_for_the_verdict(client: SessionClient) -> None:
    client.conversation, nonce = new_id(), b64encode(os.urandom(32))
    await client.clear(
        {"type": "attest.request", "nonce": nonce, "conversation": client.conversation, "suites": ["X25519"]}
    )
    client.evidence = await client.receive_clear()
    client.verdict = {"outcome": "affirming"}
    await client.send_opening()
    kinds = [(await client.receive_clear())["type"] for _ in range(2)]
    assert kinds == ["attest.verdict", "session.switch"]


async def test_a_second_request_in_flight_is_refused_and_harms_nothing(client: SessionClient) -> None:
    request = {
        "type": "attest.request",
        "nonce": b64encode(os.urandom(32)),
        "conversation": new_id(),
        "suites": ["X25519"],
    }
    count = 6  # of two, the first may be done before the second is read
    for _ in range(count):
        await client.clear(request)
    found: Counter[str] = Counter()
    while found["attest.verdict"] + found["error"] < count:
        message = await client.receive_clear()
        found[message["type"]] += 1
        assert message.get("code") in (None, "handshake_in_flight")
    assert found["error"]
    assert found["attest.evidence"] == found["attest.verdict"] > 0

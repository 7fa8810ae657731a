"""Sockets that are cut, fall silent, do not read, ask too much or too little: their own fault harms nobody else."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from itertools import pairwise

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.confchat.ollama_stand_in import last_line, line
from tests.confchat.sessions import KEY
from tests.faults.installation import Installation, beside
from tests.faults.server import FIRST_REQUEST_S
from tests.faults.surroundings import Surroundings
from tests.session_client import SessionClient, new_id

Connect = Callable[..., AbstractAsyncContextManager[SessionClient]]
PAUSE_S = 0.02
UNREAD_TIMEOUT_MS = 2000
DEAF_S = 2.0  # by then even a busy machine has queued too many pages
LONG_TEXT = "All work and no play. " * 10_000  # 220 KB: a page of a history


@pytest.fixture
def connect(installation: Installation, login: httpx.Client, user: str) -> Connect:
    """A way to open another socket of the user's, also to another server of this installation."""

    def connected(address: str = "") -> AbstractAsyncContextManager[SessionClient]:
        return SessionClient.connected(address or installation.address, login.cookies, user=user, history_key=KEY)

    return connected


@pytest.fixture
async def quick_cut(installation: Installation) -> AsyncIterator[None]:
    """Let the system cut those who do not read after two seconds."""
    option = (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    before = installation.listener.getsockopt(*option)
    installation.listener.setsockopt(*option, UNREAD_TIMEOUT_MS)
    yield
    installation.listener.setsockopt(*option, before)


def counting(last: int) -> tuple[bytes | float, ...]:
    """Return the pieces of an answer that counts at fifty numbers a second."""
    numbers = [piece for number in range(last) for piece in (line(f"{number} "), PAUSE_S)]
    return (*numbers, last_line())


def counted(last: int) -> str:
    return "".join(f"{number} " for number in range(last))


async def until(holds: Callable[[], bool], *, timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def tell_long_story(connect: Connect, surroundings: Surroundings) -> str:
    """Have an answer stored that fills a page of history; return its conversation."""
    surroundings.model.pieces = (line(LONG_TEXT), last_line())
    async with connect() as teller:
        await teller.ask()
        await teller.open()
        await teller.ask_model("Tell a long story.")
    async with connect() as reader:
        await reader.ask()
        await reader.open()
        state = ""
        while state != "complete":
            page = await reader.call("conversation.open", conversation=teller.conversation, before=None)
            state = page["messages"][1]["state"]
    return teller.conversation


def prompt(session: SessionClient) -> dict[str, object]:
    return {"conversation": session.conversation, "message": new_id(), "parent": None, "text": "Speak."}


# --- cut, and silent ----------------------------------------------------------------------------------


async def test_an_answer_outlives_a_socket_that_is_cut(
    session: SessionClient, surroundings: Surroundings, connect: Connect
) -> None:
    surroundings.model.pieces = counting(60)
    started = await session.ask_model("Count.")
    seen = ""
    while len(seen) < 30:
        seen += (await session.receive()).get("content", "")
    session.socket.transport.abort()
    async with connect() as again:
        await again.ask(conversation=session.conversation)
        await again.open()
        await again.request("chat.resume", reply=started["reply"], offsets={"thinking": 0, "content": len(seen)})
        texts, done = await again.finish()
    assert (seen + texts["content"], done["reason"]) == (counted(60), "stop")


async def test_sockets_that_vanish_leave_nothing_behind(
    surroundings: Surroundings, installation: Installation, login: httpx.Client
) -> None:
    before = await asyncio.to_thread(installation.open_sockets)
    cookies = "; ".join(f"{name}={value}" for name, value in login.cookies.items())
    for number in range(30):
        await asyncio.to_thread(vanish, installation, cookies, wait_s=number / 5000)
    await until(lambda: installation.open_sockets() == before)


def vanish(installation: Installation, cookies: str, *, wait_s: float) -> None:
    """Open a socket, and be gone without a word in the middle of that."""
    host = installation.address.removeprefix("http://")
    lines = (
        "GET /ws/session/ HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: confchat.v1",
        f"Origin: {installation.address}",
        f"Cookie: {cookies}",
    )
    with socket.create_connection(installation.listener.getsockname()) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        time.sleep(wait_s)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end


async def test_a_peer_that_is_silently_gone_is_let_go_and_its_answer_kept(
    surroundings: Surroundings, installation: Installation, connect: Connect
) -> None:
    surroundings.model.pieces = counting(60)
    with beside(installation, ping_s=0.5) as server:
        async with connect(server.address) as gone:
            await gone.ask()
            await gone.open()
            await gone.ask_model("Count.")
            assert await asyncio.to_thread(server.open_sockets) == 1
            gone.socket.transport.pause_reading()  # as if the cable were cut: no pong comes back
            await until(lambda: server.open_sockets() == 0)
            gone.socket.transport.abort()
        await asyncio.sleep(1)
        async with connect(server.address) as again:
            await again.ask(conversation=gone.conversation)
            await again.open()
            page = await again.call("conversation.open", conversation=gone.conversation, before=None)
    assert (page["messages"][1]["state"], page["messages"][1]["text"]) == ("complete", counted(60))


# --- not reading --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick_cut")
async def test_a_client_that_does_not_read_is_cut_and_slows_nobody(
    surroundings: Surroundings, installation: Installation, connect: Connect
) -> None:
    async with connect() as deaf, connect() as other:
        for client in (deaf, other):
            await client.ask()
            await client.open()
        story = await tell_long_story(connect, surroundings)
        before = await asyncio.to_thread(installation.open_sockets)
        for _ in range(60):
            await deaf.request("conversation.open", conversation=story, before=None)
        surroundings.model.pieces = counting(100)
        await other.ask_model("Count.")
        beats = []
        texts = ""
        while (message := await other.receive())["type"] == "chat.delta":
            beats.append(time.monotonic())
            texts += message.get("content", "")
        assert texts == counted(100)
        gaps = sorted(later - earlier for earlier, later in pairwise(beats))
        assert gaps[len(gaps) // 2] < 0.1, "the others' beat goes on"
        await until(lambda: installation.open_sockets() == before - 1)
        deaf.socket.transport.abort()


async def test_a_client_that_asks_and_does_not_read_is_told_so(
    session: SessionClient, surroundings: Surroundings, connect: Connect
) -> None:
    story = await tell_long_story(connect, surroundings)
    for _ in range(100):
        await session.request("conversation.open", conversation=story, before=None)
    await asyncio.sleep(DEAF_S)
    assert await session.closed_with() == 1013


# --- too much, too little -----------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "code"), [(1024 * 1024 + 1, 4400), (2 * 1024 * 1024 + 1, 1009)])
async def test_an_oversized_sealed_frame_ends_the_socket(session: SessionClient, size: int, code: int) -> None:
    with suppress(ConnectionClosed):  # the server need not read all of it to refuse it
        await session.socket.send(bytes(size))
    assert await session.closed_with() == code


async def test_a_sealed_frame_of_the_largest_size_is_read(session: SessionClient) -> None:
    message = b'{"type":"model.list","id":1}'
    room = 1024 * 1024 - 8 - 16
    await session.socket.send(session.seal(message + b" " * (room // 1024 * 1024 - len(message))))
    assert (await session.receive())["type"] == "model.list"


async def test_nothing_behind_a_bad_frame_is_carried_out(
    session: SessionClient, surroundings: Surroundings, connect: Connect
) -> None:
    bad = bytearray(session.seal(b'{"type":"model.list","id":1}'))
    bad[-1] ^= 1
    await session.socket.send(bytes(bad))
    await session.request("chat.send", **prompt(session))
    assert await session.closed_with() == 4400
    assert surroundings.model.asked == []
    async with connect() as again:
        await again.ask(conversation=session.conversation)
        await again.open()
        page = await again.call("conversation.open", conversation=session.conversation, before=None)
        assert page["code"] == "not_found"


async def test_two_prompts_at_once_in_one_conversation_get_one_answer(
    session: SessionClient, surroundings: Surroundings, connect: Connect
) -> None:
    surroundings.model.pieces = counting(20)
    async with connect() as tab:
        await tab.ask(conversation=session.conversation)
        await tab.open()
        replies = await asyncio.gather(session.ask_model("One."), tab.ask_model("Two."))
        assert sorted(reply["type"] for reply in replies) == ["chat.started", "error"]
        assert {reply.get("code") for reply in replies} == {None, "busy"}


async def test_a_cursor_out_of_range_harms_nobody(session: SessionClient) -> None:
    for before in ("0001-01-01T00:00:00+14:00/1", "9999-12-31T23:59:59-14:00/1", f"2026-01-01T00:00:00/{'9' * 40}"):
        reply = await session.call("conversation.list", before=before)
        assert reply.get("code", "not_found") == "not_found", reply
    reply = await session.call("conversation.open", conversation=session.conversation, before="9" * 40)
    assert reply["code"] == "not_found"


async def test_a_socket_that_asks_for_nothing_is_closed(surroundings: Surroundings, connect: Connect) -> None:
    started = time.monotonic()
    async with connect() as idle:
        assert await idle.receive_clear() == {"type": "error", "code": "timeout", "retry": False}
        assert await idle.closed_with() == 4408
    assert FIRST_REQUEST_S <= time.monotonic() - started < FIRST_REQUEST_S + 2


async def test_too_many_handshakes_and_too_many_sockets(
    surroundings: Surroundings, installation: Installation, connect: Connect
) -> None:
    with beside(installation, CONFCHAT_HANDSHAKES_PER_USER="2", CONFCHAT_MAX_SOCKETS="1") as server:
        async with connect(server.address) as eager:
            async with connect(server.address) as late:
                assert await late.closed_with() == 1013
            await eager.ask()
            await eager.ask()
            await eager.send_question()
            assert await eager.receive_clear() == {"type": "error", "code": "too_many_requests", "retry": False}
            assert await eager.closed_with() == 4429
        async with connect(server.address) as again:
            await again.send_question()
            assert await again.closed_with() == 4429, "another socket has the same budget"

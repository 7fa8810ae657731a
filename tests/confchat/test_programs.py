"""How the programs are started, and how one can tell that they are ready."""

from __future__ import annotations

import asyncio
import errno
import socket
from pathlib import Path

import pytest

from confchat.programs import (
    UNREAD_TIMEOUT_S,
    build_model_server,
    build_simulator,
    build_web_server,
    free_port,
    open_listener,
)


def test_address_in_use_is_refused_before_anything_starts() -> None:
    with open_listener("127.0.0.1", 0) as first, pytest.raises(OSError, match="in use") as refused:
        open_listener("127.0.0.1", first.getsockname()[1])
    assert refused.value.errno == errno.EADDRINUSE


def test_connections_that_are_not_read_are_cut_by_the_system() -> None:
    with open_listener("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 1000 * UNREAD_TIMEOUT_S


async def test_web_server_on_every_interface_is_asked_on_loopback() -> None:
    with open_listener("0.0.0.0", 0) as listener:
        listener.setblocking(False)
        program = build_web_server(listener, host_name="localhost", model_host="", is_model_embedded=False, model="m")
        answering = asyncio.create_task(program.is_ready())
        connection, address = await asyncio.get_running_loop().sock_accept(listener)
    assert address[0] == "127.0.0.1"
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    connection.close()
    assert await answering


async def serve_status(status: bytes) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


@pytest.mark.parametrize(("status", "is_ready"), [(b"200 OK", True), (b"503 Busy", False), (b"404 No", False)])
async def test_model_server_is_ready_once_it_answers_well(tmp_path: Path, status: bytes, is_ready: bool) -> None:
    async with await serve_status(status) as server:
        program = build_model_server(tmp_path, port=server.sockets[0].getsockname()[1])
        assert await program.is_ready() is is_ready


async def test_model_server_that_does_not_listen_is_not_ready(tmp_path: Path) -> None:
    assert not await build_model_server(tmp_path, port=free_port()).is_ready()


def listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


async def test_simulator_is_ready_once_both_its_sockets_are_served(tmp_path: Path) -> None:
    program = build_simulator(tmp_path)
    assert not await program.is_ready()
    with listening(tmp_path / "qgs.sock"):
        assert not await program.is_ready()
        with listening(tmp_path / "pccs.sock"):
            assert await program.is_ready()

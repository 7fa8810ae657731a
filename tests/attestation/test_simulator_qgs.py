"""Conversations with the simulated quoting service over a real Unix socket, in good form and in bad."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from attestation.errors import MalformedError
from attestation.quote import parse_quote
from attestation.simulator.installation import Guest, Installation, create_simulator
from attestation.simulator.qgs import (
    ATTESTATION_KEY_ID,
    ERROR_INVALID_CODE,
    ERROR_INVALID_PARAMETER,
    ERROR_INVALID_SIZE,
    ERROR_INVALID_TYPE,
    ERROR_INVALID_VERSION,
    ERROR_UNEXPECTED,
    MAX_REQUEST_BYTES,
    QuotingService,
)
from attestation.simulator.sockets import bind_unix
from attestation.simulator.state import STATE_FILE

REPORT_DATA = bytes(range(64))


class Platform:
    """An installation in a directory, served on a socket there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "qgs.sock"
        self.report = Guest(directory).td_report(REPORT_DATA)

    async def exchange(self, *pieces: bytes) -> bytes:
        """Send pieces, each by itself, and return everything that comes back until the service closes."""
        reader, writer = await asyncio.open_unix_connection(str(self.socket))
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()
        return answer


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    create_simulator(tmp_path)
    service = QuotingService(Installation.open(tmp_path))
    listener = bind_unix(tmp_path / "qgs.sock")
    async with await asyncio.start_unix_server(service.serve_connection, sock=listener):
        yield Platform(tmp_path)


def message(report: bytes, *, ids: bytes = b"", **changes: int) -> bytes:
    values = {"major": 1, "minor": 1, "kind": 0, "error": 0, "report_size": len(report), "ids_size": len(ids)} | changes
    rest = struct.pack("<II", values["report_size"], values["ids_size"]) + report + ids
    size = values.get("size", 16 + len(rest))
    return struct.pack("<HHIII", values["major"], values["minor"], values["kind"], size, values["error"]) + rest


def frame(payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + payload


def opened(answer: bytes) -> tuple[int, bytes, bytes]:
    """Return error code, selected id and quote of one well-formed answer."""
    (length,) = struct.unpack_from(">I", answer)
    assert length == len(answer) - 4
    major, _minor, kind, size, code, id_size, quote_size = struct.unpack_from("<HHIIIII", answer, 4)
    assert (major, kind, size, 24 + id_size + quote_size) == (1, 1, length, length)
    return code, answer[28 : 28 + id_size], answer[28 + id_size :]


async def test_report_becomes_a_quote_that_carries_it(platform: Platform) -> None:
    code, selected, quote = opened(await platform.exchange(frame(message(platform.report))))
    assert (code, selected) == (0, b"")
    assert parse_quote(quote).report.report_data == REPORT_DATA


async def test_request_may_come_in_pieces_and_name_the_kind_of_key(platform: Platform) -> None:
    request = frame(message(platform.report, ids=ATTESTATION_KEY_ID))
    code, selected, quote = opened(await platform.exchange(*(request[at : at + 100] for at in range(0, 1100, 100))))
    assert (code, selected) == (0, ATTESTATION_KEY_ID)
    assert parse_quote(quote).header.version == 4


async def test_many_connections_are_served_at_once(platform: Platform) -> None:
    request = frame(message(platform.report))
    answers = await asyncio.gather(*(platform.exchange(request) for _ in range(100)))
    assert {opened(answer)[0] for answer in answers} == {0}


async def test_one_connection_gets_one_answer(platform: Platform) -> None:
    request = frame(message(platform.report))
    assert opened(await platform.exchange(request + request))[0] == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"major": 2}, ERROR_INVALID_VERSION),
        ({"kind": 2}, ERROR_INVALID_TYPE),
        ({"kind": 1}, ERROR_INVALID_TYPE),
        ({"size": 1047}, ERROR_INVALID_SIZE),
        ({"size": 0xFFFFFFFF}, ERROR_INVALID_SIZE),
        ({"error": 1}, ERROR_INVALID_CODE),
        ({"report_size": 1023}, ERROR_INVALID_SIZE),
        ({"report_size": 0xFFFFFFFF}, ERROR_INVALID_SIZE),
        ({"ids_size": 16}, ERROR_INVALID_SIZE),
    ],
)
async def test_message_with_a_wrong_member_gets_the_code_for_it(
    platform: Platform, changes: dict[str, int], code: int
) -> None:
    answer = await platform.exchange(frame(message(platform.report, **changes)))
    assert opened(answer) == (code, b"", b"")


async def test_newer_minor_version_is_served(platform: Platform) -> None:
    assert opened(await platform.exchange(frame(message(platform.report, minor=9))))[0] == 0


@pytest.mark.parametrize("offset", [16, 128, 223, 224, 255, 264, 512, 528, 864, 1023])
async def test_report_with_a_wrong_mac_is_refused(platform: Platform, offset: int) -> None:
    forged = bytearray(platform.report)
    forged[offset] ^= 1
    assert opened(await platform.exchange(frame(message(bytes(forged))))) == (ERROR_INVALID_PARAMETER, b"", b"")


async def test_report_of_another_installation_is_refused(platform: Platform, tmp_path: Path) -> None:
    create_simulator(tmp_path / "other")
    foreign = Guest(tmp_path / "other").td_report(REPORT_DATA)
    assert opened(await platform.exchange(frame(message(foreign))))[0] == ERROR_INVALID_PARAMETER


@pytest.mark.parametrize("report", [b"", b"\x81" * 1023, b"\x81" * 1025])
async def test_report_of_another_size_is_refused(platform: Platform, report: bytes) -> None:
    assert opened(await platform.exchange(frame(message(report))))[0] == ERROR_INVALID_PARAMETER


async def test_unknown_kind_of_key_is_refused(platform: Platform) -> None:
    answer = await platform.exchange(frame(message(platform.report, ids=bytes(16))))
    assert opened(answer)[0] == ERROR_INVALID_PARAMETER


@pytest.mark.parametrize("payload", [b"", b"\x01", bytes(23)])
async def test_message_without_a_whole_header_is_refused(platform: Platform, payload: bytes) -> None:
    assert opened(await platform.exchange(frame(payload)))[0] == ERROR_INVALID_PARAMETER


async def test_message_larger_than_any_is_refused_without_being_read_whole(platform: Platform) -> None:
    size = MAX_REQUEST_BYTES * 1000
    answer = await platform.exchange(struct.pack(">I", size), message(bytes(MAX_REQUEST_BYTES - 24), size=size))
    assert opened(answer)[0] == ERROR_INVALID_SIZE


async def test_client_that_leaves_early_harms_nobody(platform: Platform) -> None:
    for pieces in (b"", b"\x00\x00", frame(message(platform.report))[:-1]):
        _reader, writer = await asyncio.open_unix_connection(str(platform.socket))
        writer.write(pieces)
        writer.close()
        await writer.wait_closed()
    assert opened(await platform.exchange(frame(message(platform.report))))[0] == 0


async def test_state_that_cannot_be_read_is_an_error_of_the_service(platform: Platform) -> None:
    (platform.directory / STATE_FILE).write_text("{}")
    assert opened(await platform.exchange(frame(message(platform.report))))[0] == ERROR_UNEXPECTED


def test_guest_takes_64_bytes_of_report_data(tmp_path: Path) -> None:
    create_simulator(tmp_path)
    with pytest.raises(MalformedError):
        Guest(tmp_path).td_report(bytes(63))

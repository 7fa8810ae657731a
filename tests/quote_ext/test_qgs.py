from __future__ import annotations

import contextlib
import errno
import signal
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quote_ext import qgs_quote
from quote_ext.errors import (
    DeviceAccessError,
    DeviceBusyError,
    DeviceError,
    DeviceMissingError,
    ProtocolError,
    QuoteError,
    ServiceError,
)
from tests.quote_ext.quoting_service import (
    QUOTE,
    QuotingService,
    Response,
    fall_silent_after,
    quoting_service,
    send,
    send_after,
    send_in_pieces,
)
from tests.quote_ext.usage import assert_nothing_leaks, takes, ticking

TD_REPORT = bytes(i % 241 for i in range(1024))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "qgs.sock"


@pytest.fixture
def service(path: Path) -> Iterator[QuotingService]:
    with quoting_service(path, send(Response().frame())) as service:
        yield service


def ask(path: Path, *, timeout_s: float = 5) -> bytes:
    return qgs_quote(TD_REPORT, str(path), timeout_s=timeout_s)


def test_report_goes_in_and_quote_comes_out(service: QuotingService, path: Path) -> None:
    assert ask(path) == QUOTE


def test_request_has_the_layout_of_the_message_library(service: QuotingService, path: Path) -> None:
    ask(path)
    header = struct.pack("<HHIII", 1, 1, 0, 1048, 0)
    assert service.requests == [struct.pack(">I", 1048) + header + struct.pack("<II", 1024, 0) + TD_REPORT]


@pytest.mark.parametrize(
    "response",
    [Response(minor=9), Response(selected_id=bytes(16)), Response(quote=bytes(1020)), Response(quote=bytes(32768))],
)
def test_other_well_formed_answer_is_taken(service: QuotingService, path: Path, response: Response) -> None:
    service.answer = send(response.frame())
    assert ask(path) == response.quote


@pytest.mark.parametrize(
    ("response", "step", "status"),
    [
        (Response(major=0), "major version", 0),
        (Response(major=2), "major version", 2),
        (Response(major=256), "major version", 256),
        (Response(type=0), "message type", 0),
        (Response(type=3), "message type", 3),
        (Response(type=0x01000000), "message type", 0x01000000),
        (Response(size=5023), "message size", 5023),
        (Response(size=5025), "message size", 5025),
        (Response(size=0), "message size", 0),
        (Response(id_size=1), "selected id size", 1),
        (Response(selected_id=bytes(8)), "selected id size", 8),
        (Response(id_size=0xFFFFFFFF), "selected id size", 0xFFFFFFFF),
        (Response(id_size=16), "quote size", 5000),
        (Response(quote_size=4999), "quote size", 4999),
        (Response(quote_size=5001), "quote size", 5001),
        (Response(quote_size=0), "quote size", 0),
        (Response(quote_size=0xFFFFFFFF), "quote size", 0xFFFFFFFF),
        (Response(quote=b""), "quote size", 0),
        (Response(quote=bytes(1019)), "quote size", 1019),
        (Response(selected_id=b"", quote=bytes(32769)), "quote size", 32769),
        (Response(frame_size=0), "frame size", 0),
        (Response(frame_size=23), "frame size", 23),
        (Response(frame_size=24 + 16 + 32769), "frame size", 24 + 16 + 32769),
        (Response(frame_size=0xFFFFFFFF), "frame size", 0xFFFFFFFF),
        (Response(trailing=b"\0"), "bytes after the frame", 1),
        (Response(trailing=bytes(4000)), "bytes after the frame", 1),
    ],
)
def test_answer_that_breaks_a_rule_is_refused(
    service: QuotingService, path: Path, response: Response, step: str, status: int
) -> None:
    service.answer = send(response.frame())
    with pytest.raises(ProtocolError) as refused:
        ask(path)
    assert (refused.value.step, refused.value.status) == (step, status)


@pytest.mark.parametrize("code", [0x12001, 0x12007, 1, 0xFFFFFFFF])
@pytest.mark.parametrize("quote", [b"", QUOTE])
def test_error_code_of_the_service_is_kept(service: QuotingService, path: Path, code: int, quote: bytes) -> None:
    service.answer = send(Response(error_code=code, quote=quote).frame())
    with pytest.raises(ServiceError, match=f"0x{code:x}") as refused:
        ask(path)
    assert refused.value.status == code


@pytest.mark.parametrize("size", [0, 1, 3, 4, 20, 28, 4999, 5027])
def test_answer_that_ends_early_is_refused(service: QuotingService, path: Path, size: int) -> None:
    service.answer = send(Response().frame()[:size])
    with pytest.raises(DeviceError, match="receive") as refused:
        ask(path)
    assert refused.value.status == errno.ECONNRESET


def test_service_that_closes_before_it_reads_is_refused(service: QuotingService, path: Path) -> None:
    service.reads_first, service.answer = False, send(b"")
    with pytest.raises(DeviceError) as refused:
        ask(path)
    assert refused.value.status in (errno.EPIPE, errno.ECONNRESET)


def test_answer_in_many_pieces_is_put_together(service: QuotingService, path: Path) -> None:
    service.answer = send_in_pieces(Response().frame(), size=97, pause_s=0.001)
    assert ask(path) == QUOTE


@pytest.mark.parametrize("sent", [b"", Response().frame()[:3], Response().frame()[:-1]])
def test_service_that_falls_silent_ends_at_the_deadline(service: QuotingService, path: Path, sent: bytes) -> None:
    service.answer = fall_silent_after(sent)
    with pytest.raises(DeviceBusyError, match="receive") as refused, takes(0.2, 3.0):
        ask(path, timeout_s=0.2)
    assert refused.value.status == errno.ETIMEDOUT


def test_service_that_trickles_ends_at_the_deadline(service: QuotingService, path: Path) -> None:
    service.answer = send_in_pieces(Response().frame()[:50], size=1, pause_s=0.02)
    with pytest.raises(DeviceBusyError) as refused, takes(0.3, 3.0):
        ask(path, timeout_s=0.3)
    assert refused.value.status == errno.ETIMEDOUT


def test_service_that_says_nothing_more_is_not_waited_for(service: QuotingService, path: Path) -> None:
    service.answer = fall_silent_after(Response().frame())
    with takes(0.0, 3.0):
        assert ask(path) == QUOTE


def test_full_queue_of_connections_ends_at_the_deadline(full_queue: Path) -> None:
    with pytest.raises(DeviceBusyError, match="connect") as refused, takes(0.2, 3.0):
        ask(full_queue, timeout_s=0.2)
    assert refused.value.status == errno.ETIMEDOUT


@pytest.fixture
def full_queue(path: Path) -> Iterator[Path]:
    """A socket on which nobody accepts, and whose queue has no place left."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                client = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
                client.connect(str(path))
        yield path


def test_signal_does_not_shorten_the_wait(service: QuotingService, path: Path) -> None:
    service.answer = send_after(0.3, Response().frame())
    handled: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _frame: handled.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        assert ask(path) == QUOTE
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert handled


def test_other_threads_run_during_a_slow_quote(service: QuotingService, path: Path) -> None:
    service.answer = send_after(0.4, Response().frame())
    with ticking(every_s=0.005) as ticks:
        began = time.monotonic()
        ask(path)
        ended = time.monotonic()
    assert sum(began < tick < ended for tick in ticks) > 20


def test_missing_socket_is_a_missing_device(path: Path) -> None:
    with pytest.raises(DeviceMissingError, match="connect") as refused:
        ask(path)
    assert refused.value.status == errno.ENOENT


def test_socket_that_nobody_serves_is_a_missing_device(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(path))
    with pytest.raises(DeviceMissingError) as refused:
        ask(path)
    assert refused.value.status == errno.ECONNREFUSED


def test_socket_of_another_kind_is_refused(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(str(path))
        with pytest.raises(DeviceError) as refused:
            ask(path)
    assert refused.value.status == errno.EPROTOTYPE


def test_path_that_is_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceAccessError) as refused:
        ask(tmp_path / ("x" * (107 - len(str(tmp_path)))))
    assert refused.value.status == errno.ENAMETOOLONG


def test_longest_path_of_a_socket_is_used_whole(path: Path) -> None:
    longest = path.parent / ("x" * (106 - len(str(path.parent))))
    with quoting_service(longest, send(Response().frame())):
        assert ask(longest) == QUOTE


@pytest.mark.parametrize(
    "response", [Response(), Response(error_code=0x12001), Response(size=7), Response(frame_size=9)]
)
def test_no_descriptor_and_no_memory_stays_behind(service: QuotingService, path: Path, response: Response) -> None:
    service.answer = send(response.frame())

    def once() -> None:
        try:
            ask(path)
        except QuoteError:
            assert response != Response()

    assert_nothing_leaks(once)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_answer_with_changed_bytes_is_a_quote_or_a_refusal(
    service: QuotingService, path: Path, data: st.DataObject
) -> None:
    frame = bytearray(Response(quote=bytes(1100)).frame())
    for position in data.draw(st.sets(st.integers(0, 27), min_size=1, max_size=4)):
        frame[position] = data.draw(st.integers(0, 255))
    service.answer = send(bytes(frame))
    with contextlib.suppress(QuoteError):
        assert 1020 <= len(ask(path, timeout_s=1)) <= 1100


@pytest.mark.parametrize("size", [0, 1023, 1025])
def test_report_must_have_1024_bytes(path: Path, size: int) -> None:
    with pytest.raises(ValueError, match=f"1024 bytes, got {size}"):
        qgs_quote(bytes(size), path, timeout_s=1)


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_time_limit_outside_its_range_is_refused(path: Path, timeout_s: float) -> None:
    with pytest.raises(ValueError, match="timeout_s"):
        qgs_quote(TD_REPORT, path, timeout_s=timeout_s)


def test_arguments_of_another_type_are_refused(path: Path) -> None:
    with pytest.raises(TypeError):
        qgs_quote(None, path, timeout_s=1)
    with pytest.raises(TypeError):
        qgs_quote(bytearray(TD_REPORT), path, timeout_s=1)
    with pytest.raises(TypeError):
        qgs_quote(TD_REPORT, None, timeout_s=1)
    with pytest.raises(ValueError, match="null byte"):
        qgs_quote(TD_REPORT, "a\0b", timeout_s=1)

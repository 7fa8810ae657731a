from __future__ import annotations

import errno
import time
from functools import partial
from pathlib import Path

import pytest

from quote_ext import configfs_quote
from quote_ext.errors import (
    DeviceAccessError,
    DeviceBusyError,
    DeviceError,
    DeviceMissingError,
    ProtocolError,
    QuoteError,
)
from tests.quote_ext.tsm_fuse import FuseServer
from tests.quote_ext.tsm_report import TsmReports, example_quote
from tests.quote_ext.usage import assert_nothing_leaks, ticking

REPORT_DATA = bytes(range(64))
ask = partial(configfs_quote, retry_delay_s=0.001)


def test_shared_entry_gives_the_quote_over_the_report_data(reports: TsmReports, shared_entry: Path) -> None:
    assert ask(REPORT_DATA, str(shared_entry)) == example_quote(REPORT_DATA)
    assert reports.requests == [REPORT_DATA]


def test_shared_entry_gives_a_new_quote_each_time(reports: TsmReports, shared_entry: Path) -> None:
    for number in range(5):
        report_data = bytes([number]) * 64
        assert ask(report_data, str(shared_entry)) == example_quote(report_data)
    assert reports.entries["confchat"].write_generation == 5


def test_shared_entry_stays_where_it_is(reports: TsmReports, shared_entry: Path) -> None:
    ask(REPORT_DATA, str(shared_entry))
    assert shared_entry.is_dir()


@pytest.mark.parametrize("size", [0, 1, 1019, 32769, 40000])
def test_short_empty_or_oversized_quote_is_refused(reports: TsmReports, shared_entry: Path, size: int) -> None:
    reports.quote = lambda report_data: bytes(size)
    with pytest.raises(ProtocolError, match="outblob") as refused:
        ask(REPORT_DATA, str(shared_entry))
    # Reading stops one byte behind the limit.
    assert refused.value.status == min(size, 32769)
    assert len(reports.requests) == 1


@pytest.mark.parametrize("size", [1020, 8000, 32768])
def test_quote_of_any_allowed_size_is_whole(reports: TsmReports, shared_entry: Path, size: int) -> None:
    reports.quote = lambda report_data: bytes(i % 251 for i in range(size))
    assert ask(REPORT_DATA, str(shared_entry)) == bytes(i % 251 for i in range(size))


@pytest.mark.parametrize("provider", [b"sev_guest\n", b"", b"tdx", b"\0tdx_guest\n"])
def test_another_provider_is_a_missing_device(reports: TsmReports, shared_entry: Path, provider: bytes) -> None:
    reports.provider = provider
    with pytest.raises(DeviceMissingError, match="provider") as refused:
        ask(REPORT_DATA, str(shared_entry))
    assert refused.value.status == errno.ENODEV
    assert reports.requests == []


def test_endless_provider_is_refused(reports: TsmReports, shared_entry: Path) -> None:
    reports.provider = b"tdx_guest" * 1000
    with pytest.raises(ProtocolError, match="provider") as refused:
        ask(REPORT_DATA, str(shared_entry))
    assert refused.value.status == 64


def test_write_that_was_ignored_by_close_is_noticed(reports: TsmReports, shared_entry: Path) -> None:
    """The kernel ignores the result of the store on close(): then the generation does not move."""
    reports.ignores_writes = True
    with pytest.raises(DeviceBusyError, match="generation"):
        ask(REPORT_DATA, str(shared_entry), attempts=2)


def test_other_threads_run_during_a_slow_quote(reports: TsmReports, shared_entry: Path) -> None:
    reports.before_outblob = lambda entry: time.sleep(0.4)
    with ticking(every_s=0.005) as ticks:
        began = time.monotonic()
        ask(REPORT_DATA, str(shared_entry))
        ended = time.monotonic()
    assert sum(began < tick < ended for tick in ticks) > 20


def test_other_threads_run_while_waiting_for_the_next_attempt(reports: TsmReports, tsm: Path) -> None:
    reports.fail("outblob", errno.EBUSY)
    with ticking(every_s=0.005) as ticks:
        began = time.monotonic()
        ask(REPORT_DATA, str(tsm / "own"), retry_delay_s=0.4)
        ended = time.monotonic()
    assert ended - began > 0.4
    assert sum(began < tick < ended for tick in ticks) > 20


def test_entry_that_is_not_there_is_created_and_removed(reports: TsmReports, tsm: Path) -> None:
    assert ask(REPORT_DATA, tsm / "own") == example_quote(REPORT_DATA)
    assert reports.entries == {}


def test_created_entry_is_removed_after_a_failure(reports: TsmReports, tsm: Path) -> None:
    reports.fail("outblob", errno.EIO)
    with pytest.raises(DeviceError):
        ask(REPORT_DATA, tsm / "own")
    assert reports.entries == {}


def test_quote_is_read_to_its_end_in_pieces(reports: TsmReports, tsm: Path, server: FuseServer) -> None:
    server.piece = 7
    assert ask(REPORT_DATA, tsm / "own") == example_quote(REPORT_DATA)


@pytest.mark.parametrize("status", [errno.EBUSY, errno.EINTR, errno.ETIMEDOUT])
@pytest.mark.parametrize("operation", ["outblob", "inblob", "generation", "provider", "mkdir"])
def test_passing_error_is_tried_again(reports: TsmReports, tsm: Path, operation: str, status: int) -> None:
    reports.fail(operation, status, status)
    assert ask(REPORT_DATA, tsm / "own", attempts=3) == example_quote(REPORT_DATA)


@pytest.mark.parametrize("status", [errno.EBUSY, errno.EINTR, errno.ETIMEDOUT])
def test_passing_error_that_stays_is_a_busy_device(reports: TsmReports, tsm: Path, status: int) -> None:
    reports.fail("outblob", *[status] * 10)
    with pytest.raises(DeviceBusyError, match="outblob") as refused:
        ask(REPORT_DATA, tsm / "own", attempts=3)
    assert refused.value.status == status
    assert len(reports.errors["outblob"]) == 7


@pytest.mark.parametrize(
    ("operation", "step", "status", "error"),
    [
        ("mkdir", "entry", errno.ENXIO, DeviceMissingError),
        ("mkdir", "entry", errno.EACCES, DeviceAccessError),
        ("mkdir", "entry", errno.EPERM, DeviceAccessError),
        ("mkdir", "entry", errno.ENOMEM, DeviceError),
        ("provider", "provider", errno.ENXIO, DeviceMissingError),
        ("inblob", "inblob", errno.EFBIG, DeviceError),
        ("generation", "generation", errno.EIO, DeviceError),
        ("outblob", "outblob", errno.EINVAL, DeviceError),
        ("outblob", "outblob", errno.EFBIG, DeviceError),
        ("outblob", "outblob", errno.ENXIO, DeviceMissingError),
        ("outblob", "outblob", errno.EIO, DeviceError),
    ],
)
def test_lasting_error_keeps_its_number_and_is_not_tried_again(
    reports: TsmReports, tsm: Path, operation: str, step: str, status: int, error: type[DeviceError]
) -> None:
    reports.fail(operation, status)
    with pytest.raises(QuoteError) as refused:
        ask(REPORT_DATA, tsm / "own")
    assert (type(refused.value), refused.value.step, refused.value.status) == (error, step, status)


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"one\n", b"-1\n", b"1 \n", b"1\n\n", b"18446744073709551616\n", b"9" * 64]
)
def test_generation_that_is_no_number_is_refused(reports: TsmReports, tsm: Path, text: bytes) -> None:
    reports.generation_text = text
    with pytest.raises(ProtocolError, match="generation"):
        ask(REPORT_DATA, tsm / "own")


def test_shared_entry_at_the_largest_generation_is_read_as_a_number(reports: TsmReports, tsm: Path) -> None:
    (tsm / "confchat").mkdir()
    reports.entries["confchat"].write_generation = 2**64 - 2
    assert ask(REPORT_DATA, tsm / "confchat") == example_quote(REPORT_DATA)


def test_missing_configfs_is_a_missing_device(tmp_path: Path) -> None:
    with pytest.raises(DeviceMissingError, match="entry") as refused:
        ask(REPORT_DATA, tmp_path / "no" / "entry")
    assert refused.value.status == errno.ENOENT


def test_file_in_the_place_of_an_entry_is_a_missing_device(tmp_path: Path) -> None:
    (tmp_path / "entry").touch()
    with pytest.raises(DeviceMissingError, match="entry") as refused:
        ask(REPORT_DATA, tmp_path / "entry")
    assert refused.value.status == errno.ENOTDIR


def test_empty_directory_is_a_missing_device(tmp_path: Path) -> None:
    with pytest.raises(DeviceMissingError, match="provider") as refused:
        ask(REPORT_DATA, tmp_path, attempts=2)
    assert refused.value.status == errno.ENOENT


@pytest.mark.parametrize("fault", [None, errno.EIO, errno.EBUSY])
def test_no_descriptor_and_no_memory_stays_behind(reports: TsmReports, tsm: Path, fault: int | None) -> None:
    def once() -> None:
        if fault is not None:
            reports.fail("outblob", fault)
        try:
            ask(REPORT_DATA, tsm / "own", attempts=1)
        except QuoteError:
            assert fault is not None

    assert_nothing_leaks(once)


@pytest.mark.parametrize("size", [0, 63, 65])
def test_report_data_must_have_64_bytes(tmp_path: Path, size: int) -> None:
    with pytest.raises(ValueError, match=f"64 bytes, got {size}"):
        ask(bytes(size), tmp_path)


@pytest.mark.parametrize(
    ("name", "value"), [("attempts", 0), ("attempts", 101), ("retry_delay_s", -1.0), ("retry_delay_s", float("nan"))]
)
def test_number_outside_its_range_is_refused(tmp_path: Path, name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        configfs_quote(REPORT_DATA, tmp_path, **{name: value})


def test_arguments_of_another_type_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        configfs_quote(None, tmp_path)
    with pytest.raises(TypeError):
        configfs_quote(REPORT_DATA, None)
    with pytest.raises(ValueError, match="null byte"):
        configfs_quote(REPORT_DATA, "a\0b")

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from quote_ext import library_extend, library_quote, require_library
from quote_ext.errors import DeviceMissingError, LibraryError, ProtocolError
from tests.quote_ext.attest_library import AttestLibrary, attest_library
from tests.quote_ext.compiler import compile_library
from tests.quote_ext.tsm_report import example_quote
from tests.quote_ext.usage import assert_nothing_leaks, ticking

REPORT_DATA = bytes(range(64))
DIGEST = bytes(range(48))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[AttestLibrary]:
    with attest_library(tmp_path) as library:
        yield library


def test_library_gives_the_quote_over_the_report_data(library: AttestLibrary) -> None:
    assert library_quote(REPORT_DATA, library.path) == example_quote(REPORT_DATA)
    assert library.asked == [REPORT_DATA]


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (1, "UNEXPECTED"),
        (2, "INVALID_PARAMETER"),
        (3, "OUT_OF_MEMORY"),
        (4, "VSOCK_FAILURE"),
        (5, "REPORT_FAILURE"),
        (6, "EXTEND_FAILURE"),
        (7, "NOT_SUPPORTED"),
        (8, "QUOTE_FAILURE"),
        (9, "BUSY"),
        (10, "DEVICE_FAILURE"),
        (11, "INVALID_RTMR_INDEX"),
        (12, "UNSUPPORTED_ATT_KEY_ID"),
        (13, "unknown status"),
    ],
)
def test_every_status_of_the_library_is_named_and_keeps_its_number(
    library: AttestLibrary, status: int, name: str
) -> None:
    library.status = status
    with pytest.raises(LibraryError, match=f"tdx_att_get_quote: {name}") as refused:
        library_quote(REPORT_DATA, library.path)
    assert refused.value.status == status
    with pytest.raises(LibraryError, match=f"tdx_att_extend: {name}"):
        library_extend(DIGEST, library.path, index=3)


def test_register_is_extended(library: AttestLibrary) -> None:
    library_extend(DIGEST, library.path, index=3)
    assert library.extended == [(3, DIGEST)]


@pytest.mark.parametrize("size", [0, 1019, 32769])
def test_quote_of_an_impossible_size_is_refused_and_given_back(library: AttestLibrary, size: int) -> None:
    assert library.quotes_not_freed == 0
    library.quote = lambda _report_data: bytes(size)
    with pytest.raises(ProtocolError, match="quote size") as refused:
        library_quote(REPORT_DATA, library.path)
    assert refused.value.status == size
    assert library.quotes_not_freed == 0


@pytest.mark.parametrize("size", [1020, 5006, 32768])
def test_quote_of_a_possible_size_is_whole_and_given_back(library: AttestLibrary, size: int) -> None:
    assert library.quotes_not_freed == 0
    library.quote = lambda _report_data: bytes(i % 251 for i in range(size))
    assert library_quote(REPORT_DATA, library.path) == bytes(i % 251 for i in range(size))
    assert library.quotes_not_freed == 0


def test_library_that_is_not_there_is_a_missing_device(tmp_path: Path) -> None:
    for ask in (
        lambda: require_library(tmp_path / "libtdx_attest.so.1"),
        lambda: library_quote(REPORT_DATA, tmp_path / "libtdx_attest.so.1"),
        lambda: library_extend(DIGEST, tmp_path / "libtdx_attest.so.1", index=3),
    ):
        with pytest.raises(DeviceMissingError, match="library: ELIBACC") as refused:
            ask()
        assert refused.value.status == errno.ELIBACC


def test_another_library_is_a_missing_device(tmp_path: Path) -> None:
    other = compile_library("vsock_stand_in.c", tmp_path / "other.so", STAND_IN_DIRECTORY="")
    require_library(other)
    with pytest.raises(DeviceMissingError, match="symbol: ELIBBAD"):
        library_quote(REPORT_DATA, other)


def test_other_threads_run_during_a_slow_quote(library: AttestLibrary) -> None:
    def slow(report_data: bytes) -> bytes:
        time.sleep(0.3)
        return example_quote(report_data)

    library.quote = slow
    with ticking(every_s=0.005) as ticks:
        began = time.monotonic()
        library_quote(REPORT_DATA, library.path)
        ended = time.monotonic()
    assert sum(began < tick < ended for tick in ticks) > 15


def test_no_descriptor_and_no_memory_stays_behind(library: AttestLibrary) -> None:
    assert_nothing_leaks(lambda: library_quote(REPORT_DATA, library.path) and None)


@pytest.mark.parametrize("size", [0, 63, 65])
def test_arguments_of_another_size_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"64 bytes, got {size}"):
        library_quote(bytes(size), "libtdx_attest.so.1")
    with pytest.raises(ValueError, match=f"48 bytes, got {size}"):
        library_extend(bytes(size), "libtdx_attest.so.1", index=3)

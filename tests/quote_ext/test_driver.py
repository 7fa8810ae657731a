from __future__ import annotations

import contextlib
import errno
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quote_ext import driver_extend, driver_quote, driver_report
from quote_ext.errors import (
    DeviceAccessError,
    DeviceBusyError,
    DeviceError,
    DeviceMissingError,
    HostError,
    ProtocolError,
    QuoteError,
    ServiceError,
)
from tests.quote_ext.quoting_service import QUOTE as QUOTE_BYTES
from tests.quote_ext.quoting_service import Response
from tests.quote_ext.tdx_device import (
    ANOLIS,
    DCAP_DEFAULT,
    EXTEND,
    EXTEND_V3,
    INTEL_V3,
    MAINLINE,
    QUOTE,
    QUOTE_TDX10,
    QUOTE_V3,
    REPORT0,
    REPORT_TDX10,
    TDX10,
    TdxDevice,
    example_report,
    plugged,
)
from tests.quote_ext.usage import assert_nothing_leaks

REPORT_DATA = bytes(range(64))
TD_REPORT = example_report(REPORT_DATA)
DIGEST = bytes(range(48))

Plug = Callable[[TdxDevice], Path]


@pytest.fixture
def plug(tmp_path: Path) -> Iterator[Plug]:
    """Put a device at a path until the test ends."""
    with contextlib.ExitStack() as stack:

        def plug(device: TdxDevice) -> Path:
            try:
                return stack.enter_context(plugged(device, tmp_path / "tdx_guest"))
            except OSError as error:
                pytest.skip(f"the stand-in for a TDX device needs root and /dev/fuse: {error}")

        yield plug


@pytest.mark.parametrize("numbers", [MAINLINE, ANOLIS, INTEL_V3, DCAP_DEFAULT])
def test_report_over_the_report_data_is_made_by_the_ioctl_that_linux_has(plug: Plug, numbers: frozenset[int]) -> None:
    device = TdxDevice(numbers)
    assert driver_report(REPORT_DATA, plug(device)) == TD_REPORT
    assert device.asked == [REPORT0]


@pytest.mark.parametrize("has_report_in_place", [False, True])
def test_kernel_for_tdx_1_0_is_asked_in_its_own_way(plug: Plug, has_report_in_place: bool) -> None:
    device = TdxDevice(TDX10)
    device.has_report_in_place = has_report_in_place
    assert driver_report(REPORT_DATA, plug(device)) == TD_REPORT
    assert device.asked == [REPORT0, REPORT_TDX10, *([REPORT_TDX10] if has_report_in_place else [])]


@pytest.mark.parametrize(
    ("numbers", "asked"),
    [
        (ANOLIS, [QUOTE]),
        (DCAP_DEFAULT, [QUOTE]),
        (INTEL_V3, [QUOTE, QUOTE_V3]),
        (TDX10, [QUOTE, QUOTE_V3, QUOTE_TDX10]),
    ],
)
def test_quote_is_asked_for_by_each_number_until_one_is_known(
    plug: Plug, numbers: frozenset[int], asked: list[int]
) -> None:
    device = TdxDevice(numbers)
    assert driver_quote(TD_REPORT, plug(device)) == b"quote over " + TD_REPORT + bytes(4000)
    assert device.asked == asked


def test_request_is_one_whole_frame_of_the_quoting_service(plug: Plug) -> None:
    device = TdxDevice()
    driver_quote(TD_REPORT, plug(device))
    header = struct.pack("<HHIIIII", 1, 1, 0, 1048, 0, 1024, 0)
    assert device.frames == [struct.pack(">I", 1048) + header + TD_REPORT]


def test_quote_behind_a_selected_id_is_found(plug: Plug) -> None:
    device = TdxDevice()
    device.answer = lambda _frame: Response(selected_id=bytes(16)).frame()
    assert driver_quote(TD_REPORT, plug(device)) == QUOTE_BYTES


def test_kernel_of_linux_itself_cannot_ask_for_quotes(plug: Plug) -> None:
    device = TdxDevice(MAINLINE)
    with pytest.raises(DeviceMissingError, match="GET_QUOTE: ENOTTY"):
        driver_quote(TD_REPORT, plug(device))
    assert device.asked == [QUOTE, QUOTE_V3, QUOTE_TDX10]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0xFFFFFFFFFFFFFFFF, "GET_QUOTE_IN_FLIGHT"),
        (0x8000000000000000, "GET_QUOTE_ERROR"),
        (0x8000000000000001, "GET_QUOTE_SERVICE_UNAVAILABLE"),
        (5, "unknown status"),
    ],
)
def test_status_of_the_host_is_named_and_keeps_its_number(plug: Plug, status: int, words: str) -> None:
    device = TdxDevice()
    device.status = status
    with pytest.raises(HostError, match=words) as refused:
        driver_quote(TD_REPORT, plug(device))
    assert refused.value.status == status


@pytest.mark.parametrize("out_len", [0, 4, 27, 5027, 5029, 2**32 - 1])
def test_lengths_that_do_not_agree_are_refused(plug: Plug, out_len: int) -> None:
    device = TdxDevice()
    device.answer = lambda _frame: Response(quote=bytes(5000)).frame()
    device.out_len = out_len
    with pytest.raises(ProtocolError, match="output length") as refused:
        driver_quote(TD_REPORT, plug(device))
    assert refused.value.status == out_len


def test_answer_that_claims_more_than_the_buffer_is_refused(plug: Plug) -> None:
    device = TdxDevice()
    device.answer = lambda _frame: Response(quote=bytes(20000)).frame()
    with pytest.raises(ProtocolError, match="output length"):
        driver_quote(TD_REPORT, plug(device))


@pytest.mark.parametrize(
    ("response", "error", "step"),
    [
        (Response(error_code=0x12001), ServiceError, "error code: UNEXPECTED"),
        (Response(major=2), ProtocolError, "major version"),
        (Response(type=0), ProtocolError, "message type"),
        (Response(quote=bytes(1019)), ProtocolError, "quote size"),
        (Response(quote_size=4999), ProtocolError, "quote size"),
    ],
)
def test_answer_of_the_quoting_service_is_checked_as_on_a_socket(
    plug: Plug, response: Response, error: type[QuoteError], step: str
) -> None:
    device = TdxDevice()
    device.answer = lambda _frame: response.frame()
    with pytest.raises(error, match=step):
        driver_quote(TD_REPORT, plug(device))


@pytest.mark.parametrize(
    ("number", "status", "error"),
    [
        (REPORT0, errno.EIO, DeviceError),
        (QUOTE, errno.EBUSY, DeviceBusyError),
        (QUOTE, errno.EIO, DeviceError),
        (EXTEND, errno.EPERM, DeviceAccessError),
        (EXTEND, errno.EINVAL, DeviceError),
    ],
)
def test_errno_of_a_request_is_kept_and_no_other_number_tried(
    plug: Plug, number: int, status: int, error: type[DeviceError]
) -> None:
    device = TdxDevice(DCAP_DEFAULT)
    device.errors[number] = status
    path = plug(device)
    calls: dict[int, Callable[[], object]] = {
        REPORT0: lambda: driver_report(REPORT_DATA, path),
        QUOTE: lambda: driver_quote(TD_REPORT, path),
        EXTEND: lambda: driver_extend(DIGEST, path, index=3),
    }
    with pytest.raises(error) as refused:
        calls[number]()
    assert refused.value.status == status
    assert device.asked == [number]


@pytest.mark.parametrize(("numbers", "asked"), [(DCAP_DEFAULT, [EXTEND]), (INTEL_V3, [EXTEND, EXTEND_V3])])
def test_register_is_extended_by_either_number(plug: Plug, numbers: frozenset[int], asked: list[int]) -> None:
    device = TdxDevice(numbers)
    driver_extend(DIGEST, plug(device), index=3)
    assert device.extended == [(3, DIGEST)]
    assert device.asked == asked


@pytest.mark.parametrize("numbers", [MAINLINE, ANOLIS])
def test_kernel_that_cannot_extend_is_a_missing_device(plug: Plug, numbers: frozenset[int]) -> None:
    with pytest.raises(DeviceMissingError, match="EXTEND_RTMR: ENOTTY"):
        driver_extend(DIGEST, plug(TdxDevice(numbers)), index=3)


def test_missing_device_and_ordinary_file_are_missing_devices(tmp_path: Path) -> None:
    with pytest.raises(DeviceMissingError, match="device: ENOENT"):
        driver_report(REPORT_DATA, tmp_path / "tdx_guest")
    (tmp_path / "file").touch()
    with pytest.raises(DeviceMissingError, match="GET_REPORT: ENOTTY"):
        driver_report(REPORT_DATA, tmp_path / "file")


def test_no_descriptor_and_no_memory_stays_behind(plug: Plug) -> None:
    device = TdxDevice()
    path = plug(device)

    def once() -> None:
        driver_quote(driver_report(REPORT_DATA, path), path)
        device.status = 1
        with pytest.raises(HostError):
            driver_quote(TD_REPORT, path)
        device.status = 0

    assert_nothing_leaks(once)


@pytest.mark.parametrize("size", [0, 47, 49])
def test_arguments_of_another_size_are_refused(size: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"48 bytes, got {size}"):
        driver_extend(bytes(size), tmp_path, index=3)
    with pytest.raises(ValueError, match=f"64 bytes, got {size}"):
        driver_report(bytes(size), tmp_path)
    with pytest.raises(ValueError, match=f"1024 bytes, got {size}"):
        driver_quote(bytes(size), tmp_path)

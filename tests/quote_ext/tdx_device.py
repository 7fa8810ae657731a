"""A stand-in for a TDX guest's device: a file that takes the kernel's ioctls, served through /dev/fuse.

Faithful in: the path that is opened, ioctl(2) itself with its numbers and the sizes in them, ENOTTY for numbers that a
kernel has not, structs and buffers read from and written to the caller's memory, as a driver does it. The server runs
in the caller's process, so that a call which held the GIL would never end.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import stat
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.quote_ext.fuse import FLUSH, GETATTR, IOCTL, OPEN, RELEASE, Answers, attributes, mounted_at
from tests.quote_ext.quoting_service import Response

REPORT0 = 0xC4405401
REPORT_TDX10 = 0xC0085401
QUOTE, QUOTE_V3, QUOTE_TDX10 = 0x80105404, 0xC0105404, 0x80085402
EXTEND, EXTEND_V3 = 0x80315403, 0x40315403

MAINLINE = frozenset({REPORT0})
ANOLIS = frozenset({REPORT0, QUOTE})
INTEL_V3 = frozenset({REPORT0, QUOTE_V3, EXTEND_V3})
DCAP_DEFAULT = frozenset({REPORT0, QUOTE, EXTEND})
TDX10 = frozenset({REPORT_TDX10, QUOTE_TDX10})

HEADER = struct.Struct("<QQII")


def example_report(report_data: bytes) -> bytes:
    """Return bytes of a TDREPORT's size, with its type and the report data in their places."""
    return b"\x81" + bytes(127) + report_data + bytes(832)


def frame_around(quote: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Answer a request's frame with the quote that is made of its TDREPORT."""
    return lambda frame: Response(quote=quote(frame[28:1052])).frame()


class TdxDevice:
    """What stands behind the file: a kernel that knows some numbers, a TDX module, a host that makes quotes."""

    def __init__(self, numbers: frozenset[int] = ANOLIS) -> None:
        self.numbers = numbers
        self.errors: dict[int, int] = {}
        self.report: Callable[[bytes], bytes] = example_report
        self.has_report_in_place = False
        self.answer: Callable[[bytes], bytes] = frame_around(lambda report: b"quote over " + report + bytes(4000))
        self.status = 0
        self.out_len: int | None = None
        self.asked: list[int] = []
        self.frames: list[bytes] = []
        self.extended: list[tuple[int, bytes]] = []

    def ioctl(self, number: int, argument: int, given: bytes) -> bytes:
        """Do as a driver does with an address in the caller's memory; returns what goes back to that address."""
        self.asked.append(number)
        if number not in self.numbers:
            raise OSError(errno.ENOTTY, hex(number))
        if number in self.errors:
            raise OSError(self.errors[number], hex(number))
        if number == REPORT0:
            return given[:64] + self.report(given[:64])
        if number == REPORT_TDX10:
            return self._report_of_tdx10(argument)
        if number in (EXTEND, EXTEND_V3):
            request = ctypes.string_at(argument, 49)
            self.extended.append((request[48], request[:48]))
            return request if number == EXTEND else b""
        self._quote(*struct.unpack("<QQ", ctypes.string_at(argument, 16)))
        return ctypes.string_at(argument, 8 if number == QUOTE_TDX10 else 16)

    def _report_of_tdx10(self, argument: int) -> bytes:
        if self.has_report_in_place:
            report = self.report(ctypes.string_at(argument, 64))
            ctypes.memmove(argument, report, 1024)
            return report[:8]
        subtype, data, data_size, report_at, report_size = struct.unpack("@BQIQI", ctypes.string_at(argument, 36))
        assert (subtype, data_size, report_size) == (0, 64, 1024)
        ctypes.memmove(report_at, self.report(ctypes.string_at(data, 64)), 1024)
        return ctypes.string_at(argument, 8)

    def _quote(self, buffer: int, size: int) -> None:
        content = ctypes.string_at(buffer, size)
        version, status, in_len, out_len = HEADER.unpack_from(content)
        assert (size, version, status, out_len) == (16384, 1, 0, 0)
        frame = content[24 : 24 + in_len]
        self.frames.append(frame)
        answer = self.answer(frame)
        out_len = len(answer) if self.out_len is None else self.out_len
        written = HEADER.pack(version, self.status, in_len, out_len) + answer
        ctypes.memmove(buffer, written, min(len(written), size))


class DeviceFile(Answers):
    """One file, whose ioctls go to a device."""

    def __init__(self, device: TdxDevice, fd: int) -> None:
        self._device = device
        handlers = {
            GETATTR: lambda node, _body: struct.pack("<QII", 0, 0, 0) + attributes(node, stat.S_IFREG | 0o600),
            OPEN: lambda _node, _body: struct.pack("<QII", 1, 0, 0),
            IOCTL: self._ioctl,
            FLUSH: lambda _node, _body: b"",
            RELEASE: lambda _node, _body: b"",
        }
        super().__init__(fd, handlers)

    def _ioctl(self, _node: int, body: bytes) -> bytes:
        _handle, _flags, number, argument, in_size, _out_size = struct.unpack_from("<QIIQII", body)
        returned = self._device.ioctl(number, argument, body[32 : 32 + in_size])
        return struct.pack("<iIII", 0, 0, 0, 0) + returned


@contextlib.contextmanager
def plugged(device: TdxDevice, path: Path) -> Iterator[Path]:
    """Put the device at a path for as long as the context lasts; raises OSError where nothing can be mounted."""
    path.touch()
    with mounted_at(path, lambda fd: DeviceFile(device, fd), mode=stat.S_IFREG | 0o600):
        yield path

"""Runtime measurement on a TDX guest: RTMR3 is extended, and the firmware's event log is read.

A register is only ever extended: RTMR3 = SHA-384(RTMR3 || digest). No log is kept by the kernel; whoever extends
keeps one.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from attestation.errors import ConfigurationError, MalformedError, UnavailableError
from attestation.hardware.advice import advise, translate
from attestation.hardware.machine import Machine
from quote_ext import driver_extend, library_extend
from quote_ext.errors import DeviceMissingError, LibraryError, QuoteError, device_error

RTMR3 = "rtmr3:sha384"
RTMR3_INDEX = 3
DIGEST_SIZE = 48

# ACPI 6.5, section 5.2.34: 36 bytes of header, type, subtype, two reserved, length and address of the log.
CCEL_SIZE = 56
CCEL_TYPE_OFFSET = 36
CC_TYPE_TDX = 2
# OVMF sets 64 KiB aside (PcdTdxEventlogAreaLen).
MAX_LOG_BYTES = 1024 * 1024

# Of tdx_attest_error_t: this machine has no way that the library knows.
NOT_SUPPORTED, DEVICE_FAILURE = 0x7, 0xA

NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


class Measurement(Protocol):
    """What extends RTMR3 and reads the firmware's log; both block, and the attester's one thread calls them."""

    @property
    def name(self) -> str:
        """Return the interface that extended last, or `none`."""

    def extend(self, digest: bytes) -> None:
        """Extend RTMR3 by 48 bytes.

        Raises:
            UnavailableError: this machine cannot; the sentence says why.
            ConfigurationError: this process may not.
        """

    def firmware_log(self) -> bytes:
        """Return the firmware's event log (CCEL), with whatever stands behind its last event.

        Raises:
            UnavailableError: this machine has none.
            ConfigurationError: this process may not read it.
        """


class HardwareMeasurement:
    """RTMR3 through the first interface that can extend it, and the CCEL table of ACPI."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._name = "none"

    @property
    def name(self) -> str:
        """Return the interface that extended last, or `none`."""
        return self._name

    def extend(self, digest: bytes) -> None:
        """Ask sysfs, then the device, then libtdx_attest: on to the next only where nothing was done.

        Errors as `Measurement` says.
        """
        reasons = []
        for name, extend in EXTENSIONS.items():
            try:
                extend(self._machine, digest)
            except QuoteError as error:
                if not _has_no_such_interface(error):
                    raise translate(error, way=name, what="RTMR3 was not extended") from error
                reasons.append(f"{name}: {advise(name, error)}")
            else:
                self._name = name
                return
        raise UnavailableError("this machine cannot extend RTMR3. " + " ".join(reasons))

    def firmware_log(self) -> bytes:
        """Read the table, then the log that it announces; see `Measurement`."""
        return read_firmware_log(self._machine.acpi_tables)


class NoMeasurement:
    """In the place of what a machine does not have: says why."""

    name = "none"

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def extend(self, digest: bytes) -> None:
        """Refuse with the reason."""
        raise UnavailableError(f"RTMR3 cannot be extended: {self._reason}")

    def firmware_log(self) -> bytes:
        """Refuse with the reason."""
        raise UnavailableError(f"there is no event log of the firmware: {self._reason}")


def read_firmware_log(acpi_tables: Path) -> bytes:
    """Return the log area of the CCEL table: `LAML` bytes at most. Parses no event of it.

    Raises:
        UnavailableError: the firmware left no such table, or one of something else than TDX.
        ConfigurationError: this process may not read it.
    """
    table = _read(acpi_tables / "CCEL", max_bytes=CCEL_SIZE)
    if len(table) != CCEL_SIZE or not table.startswith(b"CCEL") or table[CCEL_TYPE_OFFSET] != CC_TYPE_TDX:
        raise UnavailableError(f"{acpi_tables / 'CCEL'} is not the table of a TDX guest")
    log = _read(acpi_tables / "data" / "CCEL", max_bytes=MAX_LOG_BYTES)
    announced = int.from_bytes(table[40:48], "little")
    if not log or len(log) > announced:
        raise UnavailableError(f"the firmware announced a log of {announced} bytes, and left {len(log)}")
    return log


def require_digest(digest: bytes) -> None:
    """Raise MalformedError where a digest has not the 48 bytes of SHA-384."""
    if len(digest) != DIGEST_SIZE:
        raise MalformedError(f"a register is extended by {DIGEST_SIZE} bytes, not {len(digest)}")


def _read(path: Path, *, max_bytes: int) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            content = bytearray()
            while piece := file.read(max_bytes + 1 - len(content)):
                content += piece
    except OSError as error:
        if error.errno in NOT_ALLOWED:
            raise ConfigurationError(f"{path} may not be read by this process; see docs/attesters.md") from error
        raise UnavailableError(f"the firmware left no event log: {path}: {error.strerror}") from error
    if len(content) > max_bytes:
        raise UnavailableError(f"{path} has more than {max_bytes} bytes")
    return bytes(content)


def _extend_in_sysfs(machine: Machine, digest: bytes) -> None:
    """Write the digest in one call at the file's start, as the ABI asks."""
    try:
        descriptor = os.open(machine.measurements / RTMR3, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, digest)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise device_error(RTMR3, error.errno or errno.EIO) from error


def _extend_through_driver(machine: Machine, digest: bytes) -> None:
    driver_extend(digest, machine.device(), index=RTMR3_INDEX)


def _extend_through_library(machine: Machine, digest: bytes) -> None:
    library_extend(digest, machine.library, index=RTMR3_INDEX)


EXTENSIONS: dict[str, Callable[[Machine, bytes], None]] = {
    "sysfs": _extend_in_sysfs,
    "driver": _extend_through_driver,
    "library": _extend_through_library,
}


def _has_no_such_interface(error: QuoteError) -> bool:
    if isinstance(error, LibraryError):
        return error.status in (NOT_SUPPORTED, DEVICE_FAILURE)
    return isinstance(error, DeviceMissingError)

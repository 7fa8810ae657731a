"""Runtime measurement on a TDX guest: RTMR3 is extended, and the firmware's event log is read.

A register is only ever extended: RTMR3 = SHA-384(RTMR3 || digest). No log is kept by the kernel; whoever extends
keeps one.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Protocol

from attestation.errors import ConfigurationError, MalformedError, UnavailableError

# Documentation/ABI/testing/sysfs-devices-virtual-misc-tdx_guest, Linux 6.16 with CONFIG_TSM_MEASUREMENTS.
MEASUREMENTS = Path("/sys/devices/virtual/misc/tdx_guest/measurements")
RTMR3 = "rtmr3:sha384"
DIGEST_SIZE = 48

ACPI_TABLES = Path("/sys/firmware/acpi/tables")
# ACPI 6.5, section 5.2.34: 36 bytes of header, type, subtype, two reserved, length and address of the log.
CCEL_SIZE = 56
CCEL_TYPE_OFFSET = 36
CC_TYPE_TDX = 2
# OVMF sets 64 KiB aside (PcdTdxEventlogAreaLen).
MAX_LOG_BYTES = 1024 * 1024

NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


class Measurement(Protocol):
    """What extends RTMR3 and reads the firmware's log; both block, and the attester's one thread calls them."""

    @property
    def name(self) -> str:
        """Return the interface that extends, or `none`."""

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


class KernelMeasurement:
    """What Linux offers as files: RTMR3 in sysfs (6.16 and later), and the CCEL table of ACPI."""

    name = "sysfs"

    def __init__(self, *, measurements: Path = MEASUREMENTS, acpi_tables: Path = ACPI_TABLES) -> None:
        self._register = measurements / RTMR3
        self._acpi_tables = acpi_tables

    def extend(self, digest: bytes) -> None:
        """Write the digest in one call at the file's start, as the ABI asks; see `Measurement`."""
        try:
            descriptor = os.open(self._register, os.O_WRONLY | os.O_CLOEXEC)
            try:
                written = os.write(descriptor, digest)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _extension_error(self._register, error) from error
        if written != DIGEST_SIZE:
            raise UnavailableError(f"{self._register} took {written} bytes of {DIGEST_SIZE}")

    def firmware_log(self) -> bytes:
        """Read the table, then the log that it announces; see `Measurement`."""
        return read_firmware_log(self._acpi_tables)


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


def _extension_error(register: Path, error: OSError) -> UnavailableError | ConfigurationError:
    if error.errno in NOT_ALLOWED:
        return ConfigurationError(f"{register} may not be written by this process; see docs/attesters.md")
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENODEV):
        return UnavailableError("RTMR3 cannot be extended: Linux offers it in sysfs since 6.16, and not here")
    return UnavailableError(f"RTMR3 was not extended: {register}: {error.strerror}")

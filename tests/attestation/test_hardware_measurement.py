from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from attestation.attester import TdxAttester
from attestation.errors import ConfigurationError, MalformedError, UnavailableError
from attestation.hardware.machine import Machine
from attestation.hardware.measurement import HardwareMeasurement, NoMeasurement, read_firmware_log
from attestation.simulator.td_report import Td
from tests.attestation.test_attester import PLATFORM, Device

DIGEST = hashlib.sha384(b"an application").digest()


def acpi(
    directory: Path, *, log: bytes = b"events", announced: int = 64, kind: int = 2, signature: bytes = b"CCEL"
) -> Path:
    """Write an ACPI table and its log as the firmware of a TDX guest leaves them."""
    header = signature + (56).to_bytes(4, "little") + bytes(28)
    address = (0x7FFF0000).to_bytes(8, "little")
    (directory / "data").mkdir(parents=True)
    (directory / "CCEL").write_bytes(header + bytes([kind, 0, 0, 0]) + announced.to_bytes(8, "little") + address)
    (directory / "data" / "CCEL").write_bytes(log)
    return directory


def measuring(directory: Path, *, device: Path = Path("/nonexistent")) -> HardwareMeasurement:
    """Return what measures where registers are in a directory, and perhaps a device, but no library."""
    return HardwareMeasurement(Machine(measurements=directory, devices=(device,), library="/nonexistent"))


class Register:
    """A register behind a pipe, as sysfs has it: each write of 48 bytes extends it."""

    def __init__(self, path: Path) -> None:
        self.value = bytes(48)
        self._path = path
        os.mkfifo(path)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        written = b""
        while not written.endswith(b"end"):
            written = self._path.read_bytes()
            # Two writers one after the other may be read at once.
            for start in range(0, len(written) - 47, 48):
                self.value = hashlib.sha384(self.value + written[start : start + 48]).digest()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._path.write_bytes(b"end")
            self._thread.join(10)


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    register = Register(tmp_path / "rtmr3:sha384")
    yield register
    register.stop()


async def test_register_is_extended_through_sysfs(register: Register, tmp_path: Path) -> None:
    attester = TdxAttester(Device(), measurement=measuring(tmp_path))
    await attester.extend(DIGEST)
    await attester.extend(DIGEST)
    attester.close()
    register.stop()
    once = hashlib.sha384(bytes(48) + DIGEST).digest()
    assert register.value == hashlib.sha384(once + DIGEST).digest()


@pytest.mark.parametrize("size", [0, 32, 47, 49, 96])
async def test_digest_of_another_size_never_reaches_the_kernel(size: int, tmp_path: Path) -> None:
    attester = TdxAttester(Device(), measurement=measuring(tmp_path))
    with pytest.raises(MalformedError, match="48 bytes"):
        await attester.extend(bytes(size))


async def test_kernel_without_registers_in_sysfs_says_since_when_linux_has_them(tmp_path: Path) -> None:
    attester = TdxAttester(Device(), measurement=measuring(tmp_path / "none"))
    with pytest.raises(UnavailableError, match=r"since 6\.16"):
        await attester.extend(DIGEST)


async def test_source_that_nothing_measures_beside_says_so() -> None:
    attester = TdxAttester(Device())
    assert attester.measured_through == "none"
    with pytest.raises(UnavailableError, match="nothing measures beside configfs"):
        await attester.extend(DIGEST)
    with pytest.raises(UnavailableError, match="an older kernel"):
        NoMeasurement("an older kernel").firmware_log()


async def test_registers_are_those_of_a_quote_of_now() -> None:
    td = Td(report_data=bytes(64), rtmr3=b"\x33" * 48)
    attester = TdxAttester(Device(lambda _report_data: PLATFORM.quote(td)))
    assert await attester.registers() == (td.rtmr0, td.rtmr1, td.rtmr2, b"\x33" * 48)


async def test_log_of_the_firmware_is_read_as_it_lies(tmp_path: Path) -> None:
    tables = acpi(tmp_path / "acpi", log=b"events\xff\xff")
    attester = TdxAttester(Device(), measurement=HardwareMeasurement(Machine(acpi_tables=tables)))
    assert await attester.firmware_log() == b"events\xff\xff"


def test_real_log_of_a_firmware_is_whole(shared_vectors: Path, tmp_path: Path) -> None:
    log = (shared_vectors / "eventlog" / "CCEL_data_ovmf").read_bytes()
    assert read_firmware_log(acpi(tmp_path / "acpi", log=log, announced=len(log))) == log


@pytest.mark.parametrize(("kind", "signature"), [(1, b"CCEL"), (2, b"TPM2")])
def test_table_of_something_else_is_refused(tmp_path: Path, kind: int, signature: bytes) -> None:
    with pytest.raises(UnavailableError, match="not the table of a TDX guest"):
        read_firmware_log(acpi(tmp_path / "acpi", kind=kind, signature=signature))


@pytest.mark.parametrize("log", [b"", bytes(65)])
def test_log_that_is_empty_or_longer_than_announced_is_refused(tmp_path: Path, log: bytes) -> None:
    with pytest.raises(UnavailableError, match="announced a log of 64 bytes"):
        read_firmware_log(acpi(tmp_path / "acpi", log=log))


def test_oversized_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="more than 1048576 bytes"):
        read_firmware_log(acpi(tmp_path / "acpi", log=bytes(1024 * 1024 + 1), announced=2**30))


def test_firmware_without_a_log_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="left no event log"):
        read_firmware_log(tmp_path)


@pytest.mark.parametrize("target", ["/proc/sys/kernel/random/boot_id", "/dev/full"])
def test_register_that_cannot_be_written_says_what_to_do(tmp_path: Path, target: str) -> None:
    """Files of the kernel that refuse root, too."""
    (tmp_path / "rtmr3:sha384").symlink_to(target)
    expected, words = (
        (UnavailableError, "ENOSPC") if target == "/dev/full" else (ConfigurationError, "may not extend RTMR3")
    )
    with pytest.raises(expected, match=words):
        measuring(tmp_path).extend(DIGEST)


def test_log_that_this_process_may_not_read_is_a_matter_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "CCEL").symlink_to("/proc/sys/net/ipv4/route/flush")
    with pytest.raises(ConfigurationError, match="may not be read"):
        read_firmware_log(tmp_path)

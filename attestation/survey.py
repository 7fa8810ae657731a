"""What this machine has of a TDX guest, and what comes of asking it for a quote in every way."""

from __future__ import annotations

import grp
import os
import platform
import pwd
import secrets
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from attestation.attester import SimulatorSource, TdxAttester
from attestation.errors import AttestationError
from attestation.hardware.machine import Machine
from attestation.hardware.measurement import RTMR3, read_firmware_log
from attestation.hardware.sources import PREPARED_ENTRY, SOURCES, QuoteSource, Way, require_attest_library, require_way
from attestation.statement import REPORT_DATA_SIZE

CPU_INFO = Path("/proc/cpuinfo")
VSOCK = Path("/dev/vsock")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a way: a quote that carries the report data, or a sentence why there is none.

    `was_there` is False where the machine does not have the way at all, and it was asked nothing.
    """

    way: str
    was_there: bool
    fault: str
    quote: bytes
    duration_s: float


def is_tdx_guest() -> bool:
    """Say whether the processor says that this is a TDX guest; no where it cannot be asked."""
    try:
        flags = CPU_INFO.read_text("ascii", "replace").partition("\nflags")[2].partition("\n")[0].split()
    except OSError:
        return False
    return "tdx_guest" in flags


def describe_machine(machine: Machine) -> dict[str, str]:
    """Return what there is, by name, in words; asks no device anything and never raises."""
    return {
        "Linux": platform.release(),
        "TDX guest": "yes, the processor says so" if is_tdx_guest() else "no, the processor does not say so",
        "process": _describe_process(),
        **{f"device {path}": _describe(path) for path in machine.devices},
        "configfs": _describe(machine.configfs),
        "prepared entry": _describe(machine.configfs / PREPARED_ENTRY / "inblob"),
        "libtdx_attest": _describe_library(machine),
        "vsock": "there" if VSOCK.exists() else f"not there (no {VSOCK})",
        "quoting service": _describe_service(machine),
        "RTMR3 in sysfs": _describe(machine.measurements / RTMR3),
        "event log (CCEL)": _describe_log(machine),
    }


async def try_every_way(machine: Machine) -> list[Attempt]:
    """Ask for a quote in every way that the machine has, one after the other, in the order of `auto`."""
    return [await try_way(way, machine) for way in SOURCES]


async def try_way(way: Way, machine: Machine) -> Attempt:
    """Ask for a quote in one way, over random report data."""
    try:
        require_way(way, machine)
    except AttestationError as error:
        return Attempt(way, was_there=False, fault=str(error), quote=b"", duration_s=0.0)
    return await _ask(SOURCES[way](machine))


async def try_simulator(directory: Path) -> Attempt:
    """Ask the simulator for a quote."""
    try:
        source = SimulatorSource(directory)
    except AttestationError as error:
        return Attempt("simulator", was_there=False, fault=str(error), quote=b"", duration_s=0.0)
    return await _ask(source)


async def _ask(source: QuoteSource) -> Attempt:
    attester = TdxAttester(source)
    began = time.monotonic()
    try:
        quote, fault = await attester.quote(secrets.token_bytes(REPORT_DATA_SIZE)), ""
    except AttestationError as error:
        quote, fault = b"", str(error)
    finally:
        attester.close()
    return Attempt(source.name, was_there=True, fault=fault, quote=quote, duration_s=time.monotonic() - began)


def _describe(path: Path) -> str:
    """Return whether a file is there, whose it is, and what this process may do with it."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return f"not there (no {path})"
    except OSError as error:
        return f"cannot be looked at ({path}: {error.strerror})"
    owner = f"{_name_of_user(status.st_uid)}:{_name_of_group(status.st_gid)} {stat.filemode(status.st_mode)}"
    return f"{path}, {owner}, {' and '.join(_rights(path)) or 'closed to this process'}"


def _rights(path: Path) -> Iterator[str]:
    if os.access(path, os.R_OK):
        yield "readable"
    if os.access(path, os.W_OK):
        yield "writable"


def _describe_process() -> str:
    groups = ", ".join(_name_of_group(group) for group in sorted({os.getegid(), *os.getgroups()}))
    return f"user {_name_of_user(os.geteuid())}, groups {groups}"


def _describe_library(machine: Machine) -> str:
    try:
        require_attest_library(machine)
    except AttestationError as error:
        return str(error)
    return f"{machine.library} can be loaded"


def _describe_service(machine: Machine) -> str:
    try:
        address = machine.quoting_address()
    except AttestationError as error:
        return str(error)
    return str(address or f"no address: neither CONFCHAT_QGS nor a port in {machine.attest_conf}")


def _describe_log(machine: Machine) -> str:
    try:
        return f"{len(read_firmware_log(machine.acpi_tables))} bytes"
    except AttestationError as error:
        return str(error)


def _name_of_user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _name_of_group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)

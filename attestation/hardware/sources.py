"""The ways to a quote on a TDX guest, in the order in which they are tried."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from attestation.errors import ConfigurationError, UnavailableError
from attestation.hardware.machine import Machine, UnixAddress, is_there
from quote_ext import (
    configfs_quote,
    driver_quote,
    driver_report,
    library_quote,
    qgs_quote,
    require_library,
    vsock_quote,
)
from quote_ext.errors import QuoteError

QGS_TIMEOUT_S = 20.0
# The entry that root makes beforehand for a service that may not make its own.
PREPARED_ENTRY = "confchat"

Way = Literal["configfs", "library", "qgs", "driver"]


class QuoteSource(Protocol):
    """Where quotes come from; `quote` blocks, and one thread calls it."""

    @property
    def name(self) -> str:
        """Return the interface: a `Way`, or `simulator`."""

    @property
    def trust_anchor(self) -> Literal["intel", "simulator"]:
        """Return whose root the quotes lead to."""

    def quote(self, report_data: bytes) -> bytes:
        """Return a quote over 64 bytes, or raise QuoteError or AttestationError."""


class ConfigfsSource:
    """The kernel's configfs-tsm (Linux 6.7): an entry prepared by root, or one of our own for each quote."""

    name = "configfs"
    trust_anchor: Literal["intel"] = "intel"

    def __init__(self, machine: Machine) -> None:
        prepared = machine.configfs / PREPARED_ENTRY
        # A name that no other process has, so that nobody else writes into the entry.
        unique = machine.configfs / f"{PREPARED_ENTRY}-{secrets.token_hex(8)}"
        self._entry = prepared if is_there(prepared) else unique

    def quote(self, report_data: bytes) -> bytes:
        """Ask the kernel; tried again while it is busy."""
        return configfs_quote(report_data, self._entry)


class LibrarySource:
    """Intel's libtdx_attest, which knows ways of its own."""

    name = "library"
    trust_anchor: Literal["intel"] = "intel"

    def __init__(self, machine: Machine) -> None:
        self._library = machine.library

    def quote(self, report_data: bytes) -> bytes:
        """Ask the library."""
        return library_quote(report_data, self._library)


class QgsSource:
    """A report from the device, and a quote from the quoting service that the settings name."""

    name = "qgs"
    trust_anchor: Literal["intel"] = "intel"

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def quote(self, report_data: bytes) -> bytes:
        """Ask the quoting service."""
        address = self._machine.quoting_address()
        if address is None:
            raise ConfigurationError(NO_ADDRESS.format(conf=self._machine.attest_conf))
        td_report = driver_report(report_data, self._machine.device())
        if isinstance(address, UnixAddress):
            return qgs_quote(td_report, address.path, timeout_s=QGS_TIMEOUT_S)
        return vsock_quote(td_report, cid=address.cid, port=address.port, timeout_s=QGS_TIMEOUT_S)


class DriverSource:
    """A report from the device, and a quote through it: kernels of Alibaba Cloud, and Intel's own trees."""

    name = "driver"
    trust_anchor: Literal["intel"] = "intel"

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def quote(self, report_data: bytes) -> bytes:
        """Ask the kernel, which asks the host."""
        device = self._machine.device()
        return driver_quote(driver_report(report_data, device), device)


NO_ADDRESS = "nobody says where the quoting service is: set CONFCHAT_QGS, or write `port = 4050` into {conf}"

# In the order in which they are tried: what the kernel itself offers to everybody comes first, what only some
# machines have set up next, and the numbers of particular kernels last.
SOURCES: dict[Way, Callable[[Machine], QuoteSource]] = {
    "configfs": ConfigfsSource,
    "library": LibrarySource,
    "qgs": QgsSource,
    "driver": DriverSource,
}


def require_way(way: Way, machine: Machine) -> None:
    """Look whether a machine has a way, asking nothing of it.

    Raises:
        UnavailableError: it has not; the sentence says what is missing.
        ConfigurationError: it cannot be looked at.
    """
    if way == "configfs":
        _require(machine.configfs, "Linux has it since 6.7, where configfs is mounted and tdx_guest is loaded")
        return
    _require(machine.device(), "this is no TDX guest, or the module tdx_guest is not loaded")
    if way == "library":
        require_attest_library(machine)
    if way == "qgs" and machine.quoting_address() is None:
        raise UnavailableError(NO_ADDRESS.format(conf=machine.attest_conf))


def require_attest_library(machine: Machine) -> None:
    """Load libtdx_attest and let go of it; raises UnavailableError where that cannot be."""
    try:
        require_library(machine.library)
    except QuoteError as error:
        raise UnavailableError(f"{machine.library} cannot be loaded: install libtdx-attest") from error


def _require(path: Path, otherwise: str) -> None:
    if not is_there(path):
        raise UnavailableError(f"there is no {path}: {otherwise}")

"""The attester: a statement in, a quote over it out, from TDX hardware or from the simulator in its place.

Beside `attestation.hardware` the only importer of `quote_ext`. Asks off the event loop, for one thing at a time, with
a time limit.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from attestation.errors import ConfigurationError, MalformedError, UnavailableError
from attestation.hardware.measurement import KernelMeasurement, Measurement, NoMeasurement, require_digest
from attestation.quote import parse_quote
from attestation.simulator.installation import Guest
from attestation.simulator.sockets import QGS_SOCKET
from attestation.statement import REPORT_DATA_SIZE, report_data
from quote_ext import configfs_quote, qgs_quote
from quote_ext.errors import DeviceAccessError, QuoteError

# Evidence is due 30 s after it was asked for (docs/PROTOCOL.md section 6); collateral is fetched after the quote.
QUOTE_TIMEOUT_S = 25.0
QGS_TIMEOUT_S = 20.0
MAX_WAITING = 256
# The entry that root makes beforehand for a service that may not make its own.
PREPARED_ENTRY = "confchat"

T = TypeVar("T")


class QuoteSource(Protocol):
    """Where quotes come from; `quote` blocks, and one thread calls it."""

    @property
    def name(self) -> str:
        """Return the interface, `configfs` or `simulator`."""

    @property
    def trust_anchor(self) -> Literal["intel", "simulator"]:
        """Return whose root the quotes lead to."""

    def quote(self, report_data: bytes) -> bytes:
        """Return a quote over 64 bytes, or raise QuoteError or AttestationError."""


class ConfigfsSource:
    """The kernel's configfs-tsm: an entry prepared by root, or one of our own for each quote."""

    name = "configfs"
    trust_anchor: Literal["intel"] = "intel"

    def __init__(self, root: Path) -> None:
        prepared = root / PREPARED_ENTRY
        # A name that no other process has, so that nobody else writes into the entry.
        self._entry = prepared if _is_directory(prepared) else root / f"{PREPARED_ENTRY}-{secrets.token_hex(8)}"

    def quote(self, report_data: bytes) -> bytes:
        """Ask the kernel; tried again while it is busy."""
        return configfs_quote(report_data, self._entry)


class SimulatorSource:
    """The simulated TD: a report from its guest, a quote from its quoting service, as on hardware with QGS."""

    name = "simulator"
    trust_anchor: Literal["simulator"] = "simulator"

    def __init__(self, directory: Path) -> None:
        """Raise ConfigurationError where there is no simulator in the directory."""
        self.guest = Guest(directory)
        self._socket = directory / QGS_SOCKET

    def quote(self, report_data: bytes) -> bytes:
        """Ask the quoting service on its socket."""
        return qgs_quote(self.guest.td_report(report_data), self._socket, timeout_s=QGS_TIMEOUT_S)


class TdxAttester:
    """Quotes and runtime registers of this machine; one thread asks it, one thing at a time.

    Checks that quotes carry the report data that was asked for, and nothing else.
    """

    def __init__(
        self,
        source: QuoteSource,
        *,
        measurement: Measurement | None = None,
        timeout_s: float = QUOTE_TIMEOUT_S,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._source = source
        self._measurement = measurement or NoMeasurement(f"nothing measures beside {source.name}")
        self._timeout_s = timeout_s
        self._max_waiting = max_waiting
        self._waiting = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="quote")

    @property
    def name(self) -> str:
        """Return the interface in use, `configfs` or `simulator`."""
        return self._source.name

    @property
    def trust_anchor(self) -> Literal["intel", "simulator"]:
        """Return whose root the quotes lead to."""
        return self._source.trust_anchor

    async def attest(self, statement: bytes) -> bytes:
        """Return a quote over the report data of a statement's exact bytes; errors as for `quote`."""
        return await self.quote(report_data(statement))

    async def quote(self, report_data: bytes) -> bytes:
        """Return a quote that carries these 64 bytes.

        A call that outlasts the time limit is left to end by itself, and later ones wait for it.

        Raises:
            UnavailableError: no device, busy, too slow, too many waiting, or an answer that is not that quote.
            ConfigurationError: this process may not use the device.
        """
        if len(report_data) != REPORT_DATA_SIZE:
            raise ValueError(f"report data has {REPORT_DATA_SIZE} bytes, not {len(report_data)}")
        return await self._ask(lambda: self._take(report_data), what="quote")

    @property
    def measured_through(self) -> str:
        """Return the interface that extends RTMR3, or `none`."""
        return self._measurement.name

    async def extend(self, digest: bytes) -> None:
        """Extend RTMR3 by 48 bytes: RTMR3 = SHA-384(RTMR3 || digest). The caller keeps the log of it.

        Raises:
            MalformedError: the digest has another size.
            UnavailableError: this machine cannot extend it; the sentence says why.
            ConfigurationError: this process may not.
        """
        require_digest(digest)
        await self._ask(lambda: self._measurement.extend(digest), what="extension")

    async def registers(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Return RTMR0 to RTMR3 as a quote of now shows them, 48 bytes each; errors as for `quote`."""
        report = parse_quote(await self.quote(bytes(REPORT_DATA_SIZE))).report
        return report.rtmr0, report.rtmr1, report.rtmr2, report.rtmr3

    async def firmware_log(self) -> bytes:
        """Return the firmware's event log (CCEL) as ACPI shows it, with what stands behind its last event.

        Raises:
            UnavailableError: this machine has none.
            ConfigurationError: this process may not read it.
        """
        return await self._ask(self._measurement.firmware_log, what="event log")

    def close(self) -> None:
        """Take no more requests, and let go of the thread once its last one ends."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, question: Callable[[], T], *, what: str) -> T:
        if self._waiting >= self._max_waiting:
            raise UnavailableError("too many are waiting for a quote")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.get_running_loop().run_in_executor(self._thread, question)
        except TimeoutError as error:
            raise UnavailableError(f"no {what} within {self._timeout_s:g} s") from error
        finally:
            self._waiting -= 1

    def _take(self, report_data: bytes) -> bytes:
        try:
            quote = self._source.quote(report_data)
        except DeviceAccessError as error:
            raise ConfigurationError(f"no quote through {self.name}: {error}") from error
        except QuoteError as error:
            raise UnavailableError(f"no quote through {self.name}: {error}") from error
        _require_report_data(quote, report_data)
        return quote


def choose_attester(
    *, tdx: Literal["auto", "configfs", "simulator"], configfs_root: Path, simulator_directory: Path | None
) -> TdxAttester:
    """Return the attester of this machine; `simulator_directory` is None where the simulator may not be used.

    `auto` takes hardware where there is some. Nothing replaces hardware that fails later.

    Raises:
        ConfigurationError: no TDX device and no simulator allowed, or none set up.
    """
    if tdx == "configfs" or (tdx == "auto" and _is_directory(configfs_root)):
        return TdxAttester(ConfigfsSource(configfs_root), measurement=KernelMeasurement())
    if simulator_directory is None:
        raise ConfigurationError(
            f"there is no TDX device at {configfs_root}, and only development may use the simulator: "
            "run on a TDX guest with Linux 6.7 or later and configfs mounted"
        )
    return simulated_attester(simulator_directory)


def simulated_attester(directory: Path, *, timeout_s: float = QUOTE_TIMEOUT_S) -> TdxAttester:
    """Return the attester of a simulated machine. Raises `ConfigurationError` where none is set up."""
    source = SimulatorSource(directory)
    return TdxAttester(source, measurement=source.guest, timeout_s=timeout_s)


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be looked at: {error.strerror}") from error


def _require_report_data(quote: bytes, report_data: bytes) -> None:
    try:
        parsed = parse_quote(quote)
    except MalformedError as error:
        raise UnavailableError("the device answered with something that is not a quote") from error
    if parsed.report.report_data != report_data:
        raise UnavailableError("the device answered with a quote over something else")

"""The attester: a statement in, a quote over it out, from TDX hardware or from the simulator in its place.

Beside `attestation.hardware` the only importer of `quote_ext`. Asks off the event loop, for one thing at a time, with
a time limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from attestation.errors import ConfigurationError, MalformedError, UnavailableError
from attestation.hardware.advice import translate
from attestation.hardware.machine import Machine
from attestation.hardware.measurement import HardwareMeasurement, Measurement, NoMeasurement, require_digest
from attestation.hardware.sources import QGS_TIMEOUT_S, SOURCES, QuoteSource, Way, require_way
from attestation.quote import parse_quote
from attestation.simulator.installation import Guest
from attestation.simulator.sockets import QGS_SOCKET
from attestation.statement import REPORT_DATA_SIZE, report_data
from quote_ext import qgs_quote
from quote_ext.errors import QuoteError

# Evidence is due 30 s after it was asked for (docs/PROTOCOL.md section 6); collateral is fetched after the quote.
QUOTE_TIMEOUT_S = 25.0
MAX_WAITING = 256

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Trial:
    """A way to a quote that was looked for at the start; `missing` is empty where it was found."""

    way: str
    missing: str

    def __str__(self) -> str:
        return f"{self.way}: {self.missing or 'in use'}"


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
        trials: tuple[Trial, ...] = (),
        timeout_s: float = QUOTE_TIMEOUT_S,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._source = source
        self._trials = trials
        self._measurement = measurement or NoMeasurement(f"nothing measures beside {source.name}")
        self._timeout_s = timeout_s
        self._max_waiting = max_waiting
        self._waiting = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="quote")

    @property
    def name(self) -> str:
        """Return the interface in use, a `Way` or `simulator`."""
        return self._source.name

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Return which ways were looked for before this one was taken, in their order, and this one last."""
        return self._trials

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
        """Return the interface that RTMR3 was last extended through, or `none`."""
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
        except QuoteError as error:
            raise translate(error, way=self.name, what="no quote") from error
        _require_report_data(quote, report_data)
        return quote


def choose_attester(
    *, tdx: Literal["auto", "simulator"] | Way, machine: Machine, simulator_directory: Path | None
) -> TdxAttester:
    """Return the attester of this machine; `simulator_directory` is None where the simulator may not be used.

    `auto` takes the first way that the machine has, in the order of `SOURCES`, and where it has none, the simulator.
    Looks only whether a way is there, and asks it nothing: what fails later is not replaced.

    Raises:
        ConfigurationError: no way to a quote and no simulator allowed, or none set up.
    """
    trials: list[Trial] = []
    for way, source in SOURCES.items():
        if tdx == way:
            return _hardware_attester(source(machine), machine, trials)
        if tdx == "auto":
            try:
                require_way(way, machine)
            except UnavailableError as missing:
                trials.append(Trial(way, str(missing)))
            else:
                return _hardware_attester(source(machine), machine, trials)
    if simulator_directory is None:
        reasons = "; ".join(dict.fromkeys(trial.missing for trial in trials)) or "the simulator was asked for"
        raise ConfigurationError(
            f"this machine has no way to a quote, and only development may use the simulator: {reasons}. "
            "`manage.py attester` says more"
        )
    return simulated_attester(simulator_directory, missing=trials)


def simulated_attester(
    directory: Path, *, timeout_s: float = QUOTE_TIMEOUT_S, missing: Iterable[Trial] = ()
) -> TdxAttester:
    """Return the attester of a simulated machine. Raises `ConfigurationError` where none is set up."""
    source = SimulatorSource(directory)
    trials = (*missing, Trial(source.name, ""))
    return TdxAttester(source, measurement=source.guest, trials=trials, timeout_s=timeout_s)


def _hardware_attester(source: QuoteSource, machine: Machine, missing: Iterable[Trial]) -> TdxAttester:
    trials = (*missing, Trial(source.name, ""))
    return TdxAttester(source, measurement=HardwareMeasurement(machine), trials=trials)


def _require_report_data(quote: bytes, report_data: bytes) -> None:
    try:
        parsed = parse_quote(quote)
    except MalformedError as error:
        raise UnavailableError("the device answered with something that is not a quote") from error
    if parsed.report.report_data != report_data:
        raise UnavailableError("the device answered with a quote over something else")

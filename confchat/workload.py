"""What this installation measures of itself: looked at before each quote, and extended into RTMR3 when it changed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from attestation.attester import TdxAttester
from attestation.errors import ConfigurationError, MalformedError, UnavailableError
from attestation.eventlog import APPLICATION_REGISTER, application_event, trim_ccel
from attestation.quote import parse_quote
from attestation.reference_values import ReferenceRelease
from attestation.workload import Measured, MeasuredModel, read_event, write_event
from confchat.event_log_file import EventLogFile, MeasuredLines
from confchat.file_digests import Stamp
from confchat.llm import ModelDescription
from confchat.measuring import Measurer

logger = logging.getLogger(__name__)

# Evidence is due 30 s after it was asked for (docs/PROTOCOL.md section 6); a large model takes minutes, once.
MEASURE_TIMEOUT_S = 20.0
# How long files and programs are taken to be as they were seen.
LOOK_EVERY_S = 2.0
# How long a machine is left alone that could not extend its register.
TRY_AGAIN_S = 60.0

Found = TypeVar("Found", bound=Measured)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A quote with the logs that lead to its registers."""

    quote: bytes
    ccel: bytes | None
    aael: str | None


class Workload:
    """The measured workload of one machine; `fault` says why nothing is measured, where nothing is."""

    def __init__(self, attester: TdxAttester, measurer: Measurer, log: EventLogFile) -> None:
        self.attester = attester
        self.fault = ""
        self._measurer = measurer
        self._file = log
        self._lines: MeasuredLines | None = None
        self._is_stale = True
        self._ccel: bytes | None = None
        self._looked_at = 0.0
        self._release: bytes | None = None
        self._try_again_at = 0.0
        self._stamps: dict[str, tuple[Stamp, ...] | None] = {}
        self._unseen: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._order = asyncio.Lock()

    async def measure(self, model: ModelDescription, release: ReferenceRelease) -> None:
        """Measure what changed since it was last measured; a model that was never served counts as changed.

        Raises:
            UnavailableError: it takes longer than a handshake may, or cannot be measured any more.
            ConfigurationError: the log cannot be written.
        """
        task = self._tasks.get(model.name)
        if task is None:
            task = self._tasks[model.name] = asyncio.create_task(self._measure(model, release))
            task.add_done_callback(lambda task: self._end(model.name, task))
        try:
            async with asyncio.timeout(MEASURE_TIMEOUT_S):
                await asyncio.shield(task)
        except TimeoutError as error:
            raise UnavailableError("what runs here is still being measured") from error

    async def prove(self, statement: bytes, model: ModelDescription, release: ReferenceRelease) -> Proof:
        """Return a quote over a statement, and the logs that lead to it; errors as for `attest` and `measure`.

        A register that is not where the log ends means a machine that was started anew: all of it is measured again.
        """
        least = len(self._known().lines)
        quote = await self.attester.attest(statement)
        if self._known().values.get(_rtmr3(quote), -1) < least:
            self._is_stale = True
            await self.measure(model, release)
            if self._is_stale:  # that one had begun before
                await self.measure(model, release)
            quote = await self.attester.attest(statement)
        lines = self._known()
        count = lines.values.get(_rtmr3(quote), len(lines.lines))
        return Proof(quote=quote, ccel=self._ccel, aael=lines.text(count))

    async def is_as_measured(self, name: str) -> bool:
        """Say whether a model's files are those that were last measured."""
        try:
            stamps = await asyncio.to_thread(self._measurer.model_stamps, name)
        except OSError:
            return False
        return stamps == self._stamps.get(name)

    def has_measured(self, name: str) -> bool:
        """Say whether the register holds a measurement of a model's files."""
        return f"model {name}" in self._last()

    async def _measure(self, model: ModelDescription, release: ReferenceRelease) -> None:
        async with self._order:
            await self._measure_now(model, release)
            if self._is_stale:  # the machine was started anew meanwhile
                await self._measure_now(model, release)

    async def _measure_now(self, model: ModelDescription, release: ReferenceRelease) -> None:
        if self._is_stale:
            await self._begin()
        found = await asyncio.to_thread(self._look, model, release)
        last = self._last().values()
        lines = [line for measured in found if (line := write_event(measured)) not in last]
        if lines and time.monotonic() >= self._try_again_at:
            await self._record(lines)

    def _end(self, name: str, task: asyncio.Task[None]) -> None:
        del self._tasks[name]
        if task.cancelled() or task.exception() is not None:
            self._forget()

    def _forget(self) -> None:
        """Look at everything anew, the next time."""
        self._looked_at = 0.0
        self._stamps.clear()

    async def _begin(self) -> None:
        """Take up the log where the register stands, and look at everything anew."""
        self._is_stale, self._lines = False, None
        self._forget()
        self._ccel = await self._firmware_log()
        async with self._held():
            await self._catch_up()

    @asynccontextmanager
    async def _held(self) -> AsyncIterator[None]:
        """Hold log and register, also against other processes; waits for them without blocking this one."""
        with ExitStack() as stack:
            await asyncio.to_thread(stack.enter_context, self._file.held())
            yield

    async def _catch_up(self) -> MeasuredLines:
        """Read which lines lead to the register: another process may have added some; lost ones mean a new start."""
        before = [] if self._lines is None else self._lines.lines
        register = (await self.attester.registers())[APPLICATION_REGISTER]
        self._lines = await asyncio.to_thread(self._file.read, register)
        self._is_stale = self._lines.lines[: len(before)] != before
        return self._lines

    async def _firmware_log(self) -> bytes | None:
        try:
            return trim_ccel(await self.attester.firmware_log())
        except (UnavailableError, ConfigurationError, MalformedError) as error:
            logger.warning("No event log of the firmware: %s", error)
            return None

    def _look(self, model: ModelDescription, release: ReferenceRelease) -> list[Measured]:
        """Return what is there now, as far as it may have changed."""
        found: list[Measured | None] = []
        last = self._last()
        try:
            is_due = time.monotonic() - self._looked_at > LOOK_EVERY_S or release.digest != self._release
            if is_due or "application" not in last:
                found = [self._measurer.application(release), self._look_at_server(model)]
                self._looked_at, self._release = time.monotonic(), release.digest
            subject, stamps = f"model {model.name}", self._measurer.model_stamps(model.name)
            if subject not in last or stamps is None or stamps != self._stamps.get(model.name):
                found.append(self._seen(self._measurer.model(model.name), subject))
                self._stamps[model.name] = stamps
        except OSError as error:
            raise UnavailableError(f"what runs here cannot be measured now: {error}") from error
        return [measured for measured in found if measured is not None]

    def _look_at_server(self, model: ModelDescription) -> Measured | None:
        try:
            return self._seen(self._measurer.model_server(model), "model-server")
        except OSError as error:
            logger.debug("The model server's process: %s", error)
            return self._seen(None, "model-server")

    def _seen(self, measured: Found | None, subject: str) -> Found | None:
        """Return what was seen; what cannot be seen any more is no reason to go on with what it was."""
        if measured is not None:
            self._unseen.discard(subject)
            return measured
        if subject in self._last():
            raise UnavailableError(f"the {subject} was measured before, and cannot be now")
        if subject not in self._unseen:
            self._unseen.add(subject)
            logger.warning("Not measured, for it cannot be seen from here: the %s", subject)
        return None

    async def _record(self, lines: Sequence[str]) -> None:
        """Extend RTMR3 with each line, unless it is what was last measured, by whichever process."""
        async with self._held():
            known = await self._catch_up()
            if self._is_stale:
                return
            try:
                for line in lines:
                    if line not in self._last().values():
                        await self._extend(known, line)
            except (UnavailableError, ConfigurationError) as error:
                if known.lines:
                    raise
                # A machine that cannot measure says so: `td.workload` is unknown then, and the policy decides.
                if str(error) != self.fault:
                    logger.warning("The workload is not measured: %s", error)
                self.fault, self._try_again_at = str(error), time.monotonic() + TRY_AGAIN_S
            else:
                self.fault, self._try_again_at = "", 0.0

    async def _extend(self, known: MeasuredLines, line: str) -> None:
        self._file.add(known, line)
        await self.attester.extend(application_event(line).digest)
        known.add(line)
        logger.info("Measured into RTMR3: %s", line.split(" ", 2)[1])

    def _last(self) -> dict[str, str]:
        """Return the last line of each subject."""
        return {subject: line for line in self._known().lines if (subject := _subject(line))}

    def _known(self) -> MeasuredLines:
        return self._lines if self._lines is not None else MeasuredLines(bytes(48))


def _subject(line: str) -> str:
    measured = read_event(line)
    operation = line.split(" ", 2)[1]
    return f"{operation} {measured.name}" if isinstance(measured, MeasuredModel) else operation


def _rtmr3(quote: bytes) -> bytes:
    return parse_quote(quote).report.rtmr3

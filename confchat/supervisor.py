"""Start the programs that an installation consists of, keep them running, and end them together."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

END_TIMEOUT_S = 15.0
RESTART_DELAY_S = 0.5
RESTARTS = 5
RESTART_WINDOW_S = 60.0
READY_INTERVAL_S = 0.05
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1  # linux/prctl.h

Report = Callable[[str], None]


class ProgramError(Exception):
    """A program could not be started, or not be kept running; the text is one sentence for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One child process: how it is started, and how one can tell that it is ready."""

    name: str
    command: tuple[str, ...]
    is_ready: Callable[[], Awaitable[bool]]
    ready_timeout_s: float
    environment: Mapping[str, str] = field(default_factory=dict)
    inherited_fds: tuple[int, ...] = ()


class Supervisor:
    """Run programs until a signal comes or one of them cannot be kept running.

    A program that ends before it was ever ready ends everything; one that ends later is started again, at most
    `RESTARTS` times in `RESTART_WINDOW_S`.
    """

    def __init__(
        self, programs: Sequence[Program], *, report: Report, restart_delay_s: float = RESTART_DELAY_S
    ) -> None:
        self._programs = programs
        self._report = report
        self._restart_delay_s = restart_delay_s
        self._ending = asyncio.Event()
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    async def run(self, *, when_ready: Callable[[], None]) -> None:
        """Start everything at once, call `when_ready`, and return after a signal ended it; else raise ProgramError."""
        loop = asyncio.get_running_loop()
        for number in ENDING_SIGNALS:
            loop.add_signal_handler(number, self._ending.set)
        ending = asyncio.create_task(self._ending.wait())
        life = asyncio.create_task(self._live(when_ready))
        try:
            await asyncio.wait((ending, life), return_when=asyncio.FIRST_COMPLETED)
            if life.done():
                life.result()
        finally:
            for task in (ending, life):
                task.cancel()
            await asyncio.gather(ending, life, return_exceptions=True)
            await self._end_all()
            for number in ENDING_SIGNALS:
                loop.remove_signal_handler(number)

    async def _live(self, when_ready: Callable[[], None]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                started = [group.create_task(self._start_first(program)) for program in self._programs]
                await asyncio.gather(*started)
                when_ready()
                for program in self._programs:
                    group.create_task(self._keep(program))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _start_first(self, program: Program) -> None:
        if not await self._start(program):
            status = self._processes[program.name].returncode
            raise ProgramError(f"{program.name} ended with status {status} before it was ready.")

    async def _keep(self, program: Program) -> None:
        restarts: deque[float] = deque(maxlen=RESTARTS)
        while True:
            status = await self._processes[program.name].wait()
            now = time.monotonic()
            if len(restarts) == RESTARTS and now - restarts[0] < RESTART_WINDOW_S:
                raise ProgramError(f"{program.name} ended with status {status} again and again; giving up.")
            restarts.append(now)
            self._report(f"{program.name} ended with status {status}; starting it again")
            await asyncio.sleep(self._restart_delay_s)
            await self._start(program)

    async def _start(self, program: Program) -> bool:
        """Start a program and wait until it is ready; return False where it ends before that."""
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *program.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,  # what went wrong is on stderr, which they share with us
            env={**os.environ, **program.environment},
            pass_fds=program.inherited_fds,
            start_new_session=True,  # a Ctrl-C reaches us alone, so that programs end in order
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
        )
        self._processes[program.name] = process
        while not await program.is_ready():
            if process.returncode is not None:
                return False
            if time.monotonic() - began > program.ready_timeout_s:
                raise ProgramError(f"{program.name} was not ready after {program.ready_timeout_s:.0f} s.")
            await asyncio.sleep(READY_INTERVAL_S)
        self._report(f"{program.name} is ready ({time.monotonic() - began:.1f} s)")
        return True

    async def _end_all(self) -> None:
        """Ask every program to end, in the reverse of the order they were named in, and insist after a while."""
        names = [program.name for program in reversed(self._programs) if program.name in self._processes]
        for name in names:
            await end_process(self._processes[name])


async def end_process(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end, and insist after a while."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), END_TIMEOUT_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def die_with_parent() -> None:
    """Let the kernel end this child when its parent is killed and can end nothing itself (prctl(2))."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

"""Models kept open only for as long as their brokers would give the key again.

The process that unlocked them stays. On every beat it shows each broker fresh evidence, and wipes the key unseen. It
locks a model at once where that is refused, where nobody answered for `GRACE_BEATS`, where the model is not open any
more, where it is asked to (confchat.model_requests), and every model when it ends, or when an engine that it runs does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from functools import partial

from attestation.errors import AttestationError, UnavailableError
from attestation.kbs import KeyBrokerError
from confchat.model_locking import close
from confchat.model_opening import is_open
from confchat.model_records import ModelRecord
from confchat.model_requests import take_requests
from confchat.model_states import LockError
from confchat.model_unlock import Unlocking
from confchat.supervisor import ENDING_SIGNALS, die_with_parent, end_process

# So many beats without an answer, from the broker or from this machine's own attester, and a model is locked.
GRACE_BEATS = 4
PULSE_S = 5.0

logger = logging.getLogger(__name__)


class ModelKeeper:
    """Keeps unlocked models; `pulse` is called every few seconds while it lives."""

    def __init__(
        self,
        unlocking: Unlocking,
        records: Sequence[ModelRecord],
        *,
        interval_s: float,
        pulse: Callable[[], None] = lambda: None,
    ) -> None:
        self._unlocking = unlocking
        self._open = {record.name: record for record in records}
        self._interval_s = interval_s
        self._pulse = pulse
        self._closing = asyncio.Lock()
        self._ended = asyncio.Event()
        self._engine: asyncio.subprocess.Process | None = None
        self._why = "whoever kept it open was ended"
        self.has_failed = False

    async def run(self, engine: Sequence[str] = (), *, environment: Mapping[str, str] | None = None) -> None:
        """Keep until nothing is open any more, a signal comes, or the engine ends; nothing is open afterwards.

        `has_failed` says whether anything but a signal or a request was the reason.

        Raises:
            LockError: nobody can be heard, or a model cannot be locked.
        """
        with _signals(self._ended):
            async with AsyncExitStack() as stack:
                stack.push_async_callback(self._lock_rest)
                for record in self._open.values():
                    path = self._unlocking.states.socket(record.name)
                    stack.callback(path.unlink, missing_ok=True)
                    stack.callback((await take_requests(path, partial(self._lock, record))).close)
                await self._live(engine, environment)

    async def _live(self, engine: Sequence[str], environment: Mapping[str, str] | None) -> None:
        if engine:
            self._engine = await asyncio.create_subprocess_exec(
                *engine, env=environment, start_new_session=True, preexec_fn=die_with_parent
            )
        tasks = [asyncio.create_task(each) for each in (self._beat(), self._live_on(), self._see_engine_end())]
        ending = asyncio.create_task(self._ended.wait())
        await asyncio.wait((*tasks, ending), return_when=asyncio.FIRST_COMPLETED)
        async with self._closing:  # nobody is stopped in the middle of it
            for task in (*tasks, ending):
                task.cancel()
        for found in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(found, Exception):
                raise found

    async def _see_engine_end(self) -> None:
        if self._engine is None:
            await self._ended.wait()
            return
        await self._engine.wait()
        async with self._closing:  # where a model is being locked, its engine is ended by us
            if self._open:
                self._why, self.has_failed = "its engine ended", True
        self._ended.set()

    async def _live_on(self) -> None:
        while True:
            self._pulse()
            await asyncio.sleep(PULSE_S)

    async def _beat(self) -> None:
        """Look now and then; what was open before this process began is looked at once."""
        while True:
            await self.look()
            await asyncio.sleep(self._interval_s * random.uniform(0.9, 1.0))  # noqa: S311  # only a schedule

    async def look(self) -> None:
        """Look at every model that was not confirmed for half a beat."""
        for record in list(self._open.values()):
            if self._unlocking.clock() - self._confirmed_at(record) >= self._interval_s / 2:
                await self._look_at(record)

    async def _look_at(self, record: ModelRecord) -> None:
        """Ask for one model's key once more, and lock the model where it is not given."""
        why = "it was not open any more"
        if self._is_locked(record):
            await self._lock(record, "")  # by somebody who did not hear of this process
            return
        if is_open(record.mount):
            try:
                await self._unlocking.confirm(record)
            except AttestationError as error:
                why = f"{error.code}: {error}"
                unheard_s = self._unlocking.clock() - self._confirmed_at(record)
                if _may_pass(error) and unheard_s < GRACE_BEATS * self._interval_s:
                    logger.warning("%s: not confirmed for %.0f s: %s", record.name, unheard_s, why)
                    return
            else:
                async with self._closing:  # what is locked meanwhile stays so
                    self._unlocking.note_confirmed(record)
                return
        self.has_failed = True
        await self._lock_or_end(record, why)

    async def _lock_or_end(self, record: ModelRecord, why: str) -> None:
        try:
            await self._lock(record, why)
        except LockError as error:
            # This process's end is then what closes it: the service manager ends what reads it, too.
            logger.error("%s", error)
            self._ended.set()

    async def _lock(self, record: ModelRecord, why: str) -> None:
        """Lock one model, its engine first; the last one ends all."""
        async with self._closing:
            if record.name not in self._open:
                return
            await self._end_engine()
            await asyncio.to_thread(close, record, self._unlocking.states, why=why)
            del self._open[record.name]
            if not self._open:
                self._ended.set()

    async def _lock_rest(self) -> None:
        faults = []
        for record in list(self._open.values()):
            try:
                await self._lock(record, self._why)
            except LockError as error:
                faults.append(str(error))
        await self._end_engine()
        if faults:
            raise LockError(" ".join(faults))

    async def _end_engine(self) -> None:
        """End the engine, and whatever it started."""
        if self._engine is not None and self._engine.returncode is None:
            await end_process(self._engine)
            with suppress(ProcessLookupError):
                os.killpg(self._engine.pid, signal.SIGKILL)

    def _is_locked(self, record: ModelRecord) -> bool:
        state = self._unlocking.states.read(record.name)
        return state is not None and state.state == "locked" and not is_open(record.mount)

    def _confirmed_at(self, record: ModelRecord) -> float:
        state = self._unlocking.states.read(record.name)
        return 0 if state is None else state.confirmed_at


def _may_pass(error: AttestationError) -> bool:
    """Say whether nobody judged: the broker was not reached, or this machine had nothing to show now."""
    return isinstance(error, UnavailableError) or (isinstance(error, KeyBrokerError) and error.is_passing)


@contextmanager
def _signals(ended: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in ENDING_SIGNALS:
        loop.add_signal_handler(number, ended.set)
    try:
        yield
    finally:
        for number in ENDING_SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

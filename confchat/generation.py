"""A running answer: it outlives its socket, is stored as it grows, and can be resumed and stopped."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

from confchat import metrics
from confchat.errors import ModelError, RequestError
from confchat.expense import Expense
from confchat.llm import Done, Event, Thinking
from confchat.scratchpad import Scratchpad
from confchat.turns import Turn

logger = logging.getLogger(__name__)

SAVE_INTERVAL_S = 1.0
MAX_CHARACTERS = 200_000  # of at most 4 bytes each: a whole answer fits one sealed frame of 1 MiB
KEEP_FINISHED_S = 3600.0
END_TIMEOUT_S = 5.0

_STATES = {"": "running", "stop": "complete", "length": "complete"}

Save = Callable[[Turn, int], Awaitable[None]]  # a turn and its revision
Count = Callable[[Expense | None], Awaitable[None]]  # null where nothing came


class Listener(Protocol):
    """Who is told that a generation has begun to speak, or has more or has ended."""

    def wake(self) -> None: ...


@dataclass(slots=True, kw_only=True, eq=False)
class Generation:
    """One answer in the making. `thinking` and `content` only grow, until `reason` is set.

    `owner` is the account. An answer that is not stored has the `scratchpad` of the session that it began in, and
    whoever knows that session's `resume` value may go on with both.
    """

    owner: str
    conversation: str
    prompt: str
    reply: str
    model: str
    resume: str
    scratchpad: Scratchpad | None
    save: Save
    thinking: str = ""
    content: str = ""
    reason: str = ""
    error: ModelError | None = None
    usage: dict[str, int | None] = field(default_factory=dict)
    listeners: set[Listener] = field(default_factory=set)
    finished_at: float = 0.0
    revision: int = 0
    thinking_ms: int | None = None
    sources: tuple[dict[str, Any], ...] = ()
    count: Count | None = None
    expense: Expense = field(default_factory=Expense)
    _thinking_since: float | None = None
    _earlier: Turn | None = None
    _stop_reason: str = "cancelled"
    _reading: asyncio.Task[str] | None = None
    _task: asyncio.Task[None] | None = None
    _saving: asyncio.Task[None] | None = None

    @property
    def is_finished(self) -> bool:
        return bool(self.reason)

    @property
    def has_spoken(self) -> bool:
        return bool(self.thinking or self.content or self.reason)

    def go_on(self, turn: Turn, *, revision: int) -> None:
        """Begin where an earlier answer ended, of which `revision` is stored."""
        self.thinking, self.content, self.thinking_ms = turn.thinking, turn.text, turn.thinking_ms
        self.revision, self._earlier = revision, turn

    def start(self, events: AsyncGenerator[Event]) -> None:
        """Run the model's events to their end in tasks of this generation's own."""
        self._reading = asyncio.create_task(self._read(events), name="model")
        self._task = asyncio.create_task(self._run(self._reading), name="generation")

    def stop(self) -> None:
        """Cancel the model; what has come so far stays as the answer. One that is being stored already is let be."""
        if self._reading is not None:
            self._reading.cancel()

    async def cut(self) -> None:
        """End an answer that nobody asked to stop, since the server ends; return when it is stored."""
        self._stop_reason = "truncated"
        self.stop()
        if self._task is not None:
            await asyncio.wait([self._task])

    def turn(self) -> Turn:
        """Return the answer as it is now."""
        return self._turn_ended(self.reason)

    def _turn_ended(self, reason: str) -> Turn:
        return Turn(
            uuid=self.reply,
            parent=self.prompt,
            role="assistant",
            text=self.content,
            thinking=self.thinking,
            state=_STATES.get(reason, "incomplete"),
            reason=reason,
            model=self.model,
            prompt_tokens=self.usage.get("prompt_tokens"),
            completion_tokens=self.usage.get("completion_tokens"),
            total_ms=self.usage.get("total_ms"),
            thinking_ms=self.thinking_ms,
            eval_ms=self.usage.get("eval_ms"),
            sources=self.sources,
        )

    async def _run(self, reading: asyncio.Task[str]) -> None:
        started = time.monotonic()
        saver = asyncio.create_task(self._save_each_second())
        try:
            reason = await reading
        except asyncio.CancelledError:
            reason = self._stop_reason
        except ModelError as error:
            reason, self.error = "error", error
        except Exception:  # outermost frame of its task: an answer must end whatever happens
            logger.exception("an answer ended by a fault of this program")
            reason, self.error = "error", ModelError("internal")
        saver.cancel()
        self.usage.setdefault("total_ms", int((time.monotonic() - started) * 1000))
        self._note_thinking(is_over=True)
        self._add_earlier()
        await self._finish(reason)

    async def _read(self, events: AsyncGenerator[Event]) -> str:
        """Take in every event; return why the answer ended."""
        async with aclosing(events):
            return await self._consume(events)

    async def _consume(self, events: AsyncGenerator[Event]) -> str:
        async for event in events:
            self.expense.take(event)
            if isinstance(event, Done):
                self.usage = {
                    "prompt_tokens": event.prompt_tokens,
                    "completion_tokens": event.completion_tokens,
                    "total_ms": event.total_ms,
                    "eval_ms": event.eval_ms,
                }
                return event.reason
            if isinstance(event, Thinking):
                self.thinking += event.text
                self._note_thinking(is_over=False)
            else:
                self._note_thinking(is_over=True)
                self.content += event.text
            self._wake()
            if len(self.thinking) + len(self.content) > MAX_CHARACTERS:
                return "length"
        return "truncated"

    def _note_thinking(self, *, is_over: bool) -> None:
        """Take the time from the first thought to the first word of the answer."""
        if not is_over and self._thinking_since is None:
            self._thinking_since = time.monotonic()
        elif is_over and self._thinking_since is not None and self.thinking_ms is None:
            self.thinking_ms = int((time.monotonic() - self._thinking_since) * 1000)

    def _add_earlier(self) -> None:
        """Count what an answer that was gone on with had cost before."""
        if self._earlier is None:
            return
        for name in ("completion_tokens", "total_ms", "eval_ms"):
            before, since = getattr(self._earlier, name), self.usage.get(name)
            self.usage[name] = before if since is None else since + (before or 0)

    async def _count(self, reason: str) -> None:
        if self.count is None:
            return
        is_void = reason == "error" and not self.expense.pieces
        try:
            await self.count(None if is_void else self.expense)
        except RequestError:
            logger.warning("what an answer took could not be counted")

    async def _finish(self, reason: str) -> None:
        """Store the answer and count it, then tell of its end: what is announced as done is durable."""
        if self._saving is not None:
            await asyncio.wait([self._saving])
        try:
            await asyncio.gather(self._save(self._turn_ended(reason)), self._count(reason))
        except RequestError as error:
            reason, self.error = "error", ModelError(error.code)
        except Exception:  # as above: whoever waits for this answer would wait for ever
            logger.exception("an answer could not be stored by a fault of this program")
            reason, self.error = "error", ModelError("not_stored")
        self.reason, self.finished_at = reason, time.monotonic()
        metrics.ANSWERS.labels(reason).inc()
        self._wake()

    async def _save_each_second(self) -> None:
        saved = 0
        while True:
            # On whole intervals of the clock, so that the writes of all answers fall into one transaction.
            await asyncio.sleep(SAVE_INTERVAL_S - time.monotonic() % SAVE_INTERVAL_S)
            length = len(self.thinking) + len(self.content)
            if length != saved:
                saved = length
                self._saving = asyncio.create_task(self._save_once())
                await asyncio.shield(self._saving)

    async def _save_once(self) -> None:
        try:
            await self._save(self.turn())
        except RequestError:
            logger.warning("a partial answer could not be stored; the next second tries again")

    async def _save(self, turn: Turn) -> None:
        self.revision += 1
        await self.save(turn, self.revision)

    def _wake(self) -> None:
        for listener in tuple(self.listeners):
            listener.wake()


class Generations:
    """The answers in the making of this process, and for an hour those that have ended."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Generation] = {}

    def add(self, generation: Generation) -> bool:
        """Take an answer in before it starts, unless its conversation is being given one; say whether it was taken."""
        self._forget_old()
        if self.running_in(owner=generation.owner, conversation=generation.conversation) is not None:
            return False
        self._known[generation.owner, generation.reply] = generation
        return True

    def discard(self, generation: Generation) -> None:
        """Forget an answer that was not started after all."""
        self._known.pop((generation.owner, generation.reply), None)

    def find(self, *, owner: str, reply: str) -> Generation | None:
        """Return an account's answer by its id."""
        return self._known.get((owner, reply))

    def running_in(self, *, owner: str, conversation: str) -> Generation | None:
        """Return the answer that an account's conversation is being given now."""
        return next(
            (
                generation
                for generation in self._known.values()
                if (generation.owner, generation.conversation) == (owner, conversation) and not generation.is_finished
            ),
            None,
        )

    def running_of(self, *, owner: str) -> list[Generation]:
        """Return every answer that an account is being given now."""
        return [known for known in self._known.values() if known.owner == owner and not known.is_finished]

    async def cut_all(self) -> None:
        """Have every answer that runs stored as far as it has come; gives up after some seconds."""
        cuts = [asyncio.create_task(known.cut()) for known in self._known.values() if not known.is_finished]
        if cuts:
            await asyncio.wait(cuts, timeout=END_TIMEOUT_S)

    def _forget_old(self) -> None:
        horizon = time.monotonic() - KEEP_FINISHED_S
        old = [key for key, known in self._known.items() if known.is_finished and known.finished_at < horizon]
        for key in old:
            del self._known[key]

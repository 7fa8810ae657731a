"""How an answer reaches a session: one frame of one size on each beat, whatever has come.

From an answer's first token to its end neither the lengths nor the times of frames tell tokens apart
(docs/PROTOCOL.md section 4). There is one beat for the whole server; it starts with the first token of
the first answer, and grows longer under load, never by stream.
"""

from __future__ import annotations

import asyncio
import time
from json.encoder import encode_basestring
from typing import Protocol

from attestation.channel import PAD_SIZE
from confchat.frames import to_json
from confchat.generation import Generation

BEAT_S = 0.05
LOAD_FACTOR = 4.0  # a beat lasts at least this many times what its frames cost


class Outlet(Protocol):
    """A session's way out."""

    @property
    def is_clogged(self) -> bool: ...

    def post(self, message: bytes) -> None: ...


class Beat:
    """The server's one clock for answers."""

    def __init__(self) -> None:
        self._deliveries: set[Delivery] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, delivery: Delivery) -> None:
        """Let a delivery speak on every beat from now on."""
        self._deliveries.add(delivery)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="beat")

    def discard(self, delivery: Delivery) -> None:
        self._deliveries.discard(delivery)

    async def _run(self) -> None:
        due = time.monotonic()
        while self._deliveries:
            started = time.monotonic()
            for delivery in tuple(self._deliveries):
                delivery.speak()
            cost = time.monotonic() - started
            due = max(due + BEAT_S, started + LOAD_FACTOR * cost)
            await asyncio.sleep(due - time.monotonic())
        self._task = None


class Delivery:
    """One answer on its way to one session, for the request `request_id`."""

    def __init__(
        self, generation: Generation, *, beat: Beat, outlet: Outlet, request_id: int, offsets: tuple[int, int]
    ) -> None:
        self.generation, self.is_over = generation, False
        self._beat, self._outlet = beat, outlet
        self._request_id = request_id
        self._thinking, self._content = offsets
        self._head = f'{{"type":"chat.delta","id":{request_id},"reply":"{generation.reply}","offsets":{{"thinking":'
        generation.listeners.add(self)
        self.wake()

    def wake(self) -> None:
        """Join the beat once the answer has begun."""
        if self.generation.has_spoken:
            self.generation.listeners.discard(self)
            self._beat.add(self)

    def end(self) -> None:
        """Leave the beat; the answer itself goes on."""
        self.is_over = True
        self.generation.listeners.discard(self)
        self._beat.discard(self)

    def speak(self) -> None:
        """Send this beat's frame: what fits of what has come, or nothing, or the end."""
        if self._outlet.is_clogged:
            return
        generation = self.generation
        has_rest = self._thinking < len(generation.thinking) or self._content < len(generation.content)
        if generation.is_finished and not has_rest:
            self.end()
            self._outlet.post(self._done())
        else:
            self._outlet.post(self._delta())

    def _delta(self) -> bytes:
        message = f'{self._head}{self._thinking},"content":{self._content}}}'.encode()
        room = PAD_SIZE - len(message) - len("}")
        thinking, taken = _member("thinking", self.generation.thinking, self._thinking, room)
        self._thinking += taken
        content = b""
        if self._thinking == len(self.generation.thinking):
            content, taken = _member("content", self.generation.content, self._content, room - len(thinking))
            self._content += taken
        return message + thinking + content + b"}"

    def _done(self) -> bytes:
        generation = self.generation
        counted = {**generation.usage, "thinking_ms": generation.thinking_ms}
        usage = {name: value for name, value in counted.items() if value is not None}
        message = {
            "type": "chat.done",
            "id": self._request_id,
            "reply": generation.reply,
            "reason": generation.reason,
            "usage": usage,
        }
        if generation.error is not None:
            message["error"] = {"code": generation.error.code, "retry": generation.error.retry}
        return to_json(message)


def _member(name: str, text: str, start: int, room: int) -> tuple[bytes, int]:
    """Return `,"name":"…"` with as many of the characters from `start` as fit, and their number."""
    frame_size = len(name) + len(',"":""')
    budget = room - frame_size
    count = min(len(text) - start, budget)
    while count > 0:
        escaped = encode_basestring(text[start : start + count]).encode()[1:-1]
        if len(escaped) <= budget:
            return b',"%s":"%s"' % (name.encode(), escaped), count
        # Every character takes at least one byte, so this shrinks to a fit in a few steps.
        count = min(count - 1, count * budget // len(escaped))
    return b"", 0

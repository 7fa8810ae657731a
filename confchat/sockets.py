"""What every WebSocket of ours has: tasks, deadlines, one bounded way out, and one end. Knows no message."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, ClassVar

from channels.generic.websocket import AsyncWebsocketConsumer

from attestation.channel import SealedChannel
from attestation.errors import ChannelError
from confchat import metrics
from confchat.errors import FrameError

# What waits for one client: a few pages of a history, and far more beats than it can miss and still be there.
MAX_QUEUED_FRAMES = 512
MAX_QUEUED_BYTES = 4 * 1024 * 1024

CLOSE_PROTOCOL = 4400
CLOSE_RATE = 4429
CLOSE_OVERLOADED = 1013

logger = logging.getLogger(__name__)


class Outgoing:
    """What waits to be sent, in order: to be sealed in its channel, or clear where there is none."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[SealedChannel | None, bytes]] = asyncio.Queue(MAX_QUEUED_FRAMES)
        self._size = 0

    @property
    def is_empty(self) -> bool:
        return self._queue.empty()

    def put(self, channel: SealedChannel | None, message: bytes) -> None:
        """Queue a message; raises asyncio.QueueFull where nobody reads."""
        if self._size + len(message) > MAX_QUEUED_BYTES:
            raise asyncio.QueueFull
        self._queue.put_nowait((channel, message))
        self._size += len(message)

    async def get(self) -> tuple[SealedChannel | None, bytes]:
        """Wait for the next message and its channel."""
        channel, message = await self._queue.get()
        self._size -= len(message)
        return channel, message


class SealedOutlet:
    """A session's way out of its socket: what it posts is sealed in its own channel, until it is closed."""

    def __init__(self, channel: SealedChannel, outgoing: Outgoing) -> None:
        self.channel, self._outgoing, self._is_closed = channel, outgoing, False

    @property
    def is_clogged(self) -> bool:
        """Say whether frames still wait for the network."""
        return not self._outgoing.is_empty

    def post(self, message: bytes) -> None:
        """Queue a message; raises asyncio.QueueFull where nobody reads."""
        if not self._is_closed:
            self._outgoing.put(self.channel, message)

    def close(self) -> None:
        """Drop whatever is posted from now on: another session has taken the socket."""
        self._is_closed = True


class Socket(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """A socket that leaves nothing behind, and closes once, whatever happens to it.

    A peer that has gone shows as OSError when something is sent (ASGI, "Disconnected Client"), and soon after as
    `websocket.disconnect`; one that neither reads nor goes is cut by the system (`programs.open_listener`).
    """

    open_sockets = 0
    # Of accounts that have any.
    open_of_user: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.outgoing = Outgoing()
        self.is_ending = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._deadlines: dict[str, asyncio.TimerHandle] = {}
        self._writer: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one socket to its end."""
        user = str(scope["user"].pk)
        Socket.open_sockets += 1
        Socket.open_of_user[user] += 1
        metrics.SOCKETS.inc()
        try:
            await super().__call__(scope, receive, send)
        finally:
            Socket.open_sockets -= 1
            Socket.open_of_user[user] -= 1
            Socket.open_of_user += Counter()  # forgets whoever has none left
            metrics.SOCKETS.dec()
            self.is_ending = True
            self.let_go()
            for deadline in self._deadlines.values():
                deadline.cancel()
            for task in tuple(self._tasks):
                task.cancel()

    def let_go(self) -> None:
        """Give back what this socket holds of others; called once or more when it ends."""
        raise NotImplementedError

    def miss(self, deadline: str) -> None:
        """Act on a missed deadline."""
        raise NotImplementedError

    def start_writing(self) -> None:
        """Begin to send what is queued."""
        self._writer = self.start(self._write())

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work in a task that ends with the socket, and that ends the socket if it fails."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def set_deadline(self, name: str, seconds: float) -> None:
        """Call `miss` in some seconds, in place of an earlier deadline of this name."""
        self.clear_deadline(name)
        self._deadlines[name] = asyncio.get_running_loop().call_later(seconds, self.miss, name)

    def clear_deadline(self, name: str) -> None:
        if name in self._deadlines:
            self._deadlines.pop(name).cancel()

    async def fail(self, error: BaseException) -> None:
        """End the socket for an error; nothing of it goes on the wire but a code."""
        if isinstance(error, FrameError | ChannelError):
            await self.end(CLOSE_PROTOCOL, error.code)
        elif isinstance(error, asyncio.QueueFull):  # the client asks and does not read
            await self.end(CLOSE_OVERLOADED, "overloaded")
        else:
            logger.error("a socket ended by a fault of this program", exc_info=error)
            await self.end(CLOSE_OVERLOADED, "internal")

    async def end(self, close_code: int, code: str | None = None) -> None:
        """Say why and close, once; what was queued before is dropped, and nothing more is taken in."""
        if self.is_ending:
            return
        self.is_ending = True
        self.let_go()
        if self._writer is not None:
            self._writer.cancel()
        with suppress(OSError):
            if code is not None:
                await self.send(text_data=json.dumps({"type": "error", "code": code, "retry": False}))
            await self.close(close_code)

    async def _write(self) -> None:
        """Send what was queued, in order; frames are sealed as they leave."""
        with suppress(OSError):
            while True:
                channel, message = await self.outgoing.get()
                if channel is None:
                    await self.send(text_data=message.decode())
                else:
                    await self.send(bytes_data=channel.seal(message))

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self.is_ending:
            self.start(self.fail(error))

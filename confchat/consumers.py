"""One WebSocket: messages ↔ functions. Owns and cancels the tasks of its socket; decides nothing."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from channels.auth import get_user
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from attestation.errors import AttestationError, UnavailableError
from attestation.statement import LIFETIME_S
from confchat import metrics
from confchat.channel import SealedChannel
from confchat.deployment import deployment
from confchat.errors import ChannelError, ChatError, FrameError, ModelError, RequestError
from confchat.frames import AttestRequest, SessionOpen, parse_clear, parse_request, to_json
from confchat.handshake import (
    Asker,
    Handshake,
    appraise_handshake,
    begin_handshake,
    open_session,
    prove_growth,
    ready_message,
)
from confchat.limits import spend
from confchat.session import Session

SUBPROTOCOL = "confchat.v1"
FIRST_REQUEST_S = EVIDENCE_S = 30
SESSION_S = 12 * 3600
MAX_CLEAR_BYTES = 16 * 1024
MAX_SEALED_BYTES = 1024 * 1024
MAX_QUEUED_FRAMES = 512

CLOSE_PROTOCOL = 4400
CLOSE_LOGIN = 4401
CLOSE_POLICY = 4403
CLOSE_TIMEOUT = 4408
CLOSE_RATE = 4429
CLOSE_OVERLOADED = 1013

# What waits to be sent: clear where there is no channel.
Outgoing = asyncio.Queue[tuple[SealedChannel | None, bytes]]

logger = logging.getLogger(__name__)


class SealedOutlet:
    """A session's way out of its socket: what it posts is sealed in its own channel, until it is closed."""

    def __init__(self, channel: SealedChannel, queue: Outgoing) -> None:
        self.channel, self._queue, self._is_closed = channel, queue, False

    @property
    def is_clogged(self) -> bool:
        """Say whether frames still wait for the network."""
        return not self._queue.empty()

    def post(self, message: bytes) -> None:
        """Queue a message; raises asyncio.QueueFull where nobody reads."""
        if not self._is_closed:
            self._queue.put_nowait((self.channel, message))

    def close(self) -> None:
        """Drop whatever is posted from now on: another session has taken the socket."""
        self._is_closed = True


class SessionConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """The socket of one tab: handshakes in clear, then the sealed session of the last one opened."""

    open_sockets = 0

    async def connect(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.handshake: Handshake | None = None
        self.handshake_task: asyncio.Task[None] | None = None
        self.deadlines: dict[str, asyncio.TimerHandle] = {}
        self.session: Session | None = None
        self.outlet: SealedOutlet | None = None
        self.outgoing: Outgoing = asyncio.Queue(MAX_QUEUED_FRAMES)
        SessionConsumer.open_sockets += 1
        metrics.SOCKETS.inc()
        # A refused socket is accepted first: only then does a browser learn the code.
        offered = SUBPROTOCOL in self.scope["subprotocols"]
        await self.accept(SUBPROTOCOL if offered else None)
        refusal = self._refusal(offered=offered)
        if refusal is not None:
            await self.close(refusal)
            return
        self.asker = Asker(user=str(self.scope["user"].pk), origin=self._origin())
        self._start(self._write())
        self._set_deadline("first request", FIRST_REQUEST_S)

    async def disconnect(self, code: int) -> None:
        SessionConsumer.open_sockets -= 1
        metrics.SOCKETS.dec()
        for deadline in self.deadlines.values():
            deadline.cancel()
        for task in self.tasks:
            task.cancel()
        if self.session is not None:
            self.session.close()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            if text_data is not None:
                await self._receive_clear(text_data)
            else:
                await self._receive_sealed(bytes_data or b"")
        except (FrameError, ChannelError) as error:
            await self._end(error.code, CLOSE_PROTOCOL)
        except asyncio.QueueFull:  # the client asks and does not read
            await self.close(CLOSE_OVERLOADED)
        except Exception:  # outermost frame of the socket: whatever it was, nothing of it goes on the wire
            logger.exception("a socket ended by a fault of this program")
            await self._end("internal", CLOSE_OVERLOADED)

    # --- the handshake, in clear ------------------------------------------------------------------

    async def _receive_clear(self, text: str) -> None:
        if len(text.encode("utf-8", "surrogatepass")) > MAX_CLEAR_BYTES:
            raise FrameError("bad_message", "too large")
        message = parse_clear(text)
        if isinstance(message, SessionOpen):
            self._start(self._open(message))
            return
        if self.handshake_task is not None and not self.handshake_task.done():
            self._post_clear({"type": "error", "code": "handshake_in_flight", "retry": True})
            return
        if not (await get_user(self.scope)).is_authenticated:
            await self._end("login_required", CLOSE_LOGIN)
        elif not await self._within_budget():
            await self._end("too_many_requests", CLOSE_RATE)
        else:
            self._forget_handshake()
            self._clear_deadline("first request")
            self.handshake_task = self._start(self._attest(message))

    async def _attest(self, request: AttestRequest) -> None:
        """Send evidence and verdict for one request, each as soon as it is there."""
        try:
            async with asyncio.timeout(EVIDENCE_S):
                handshake = await begin_handshake(
                    deployment(),
                    self.asker,
                    nonce=request.nonce,
                    conversation=request.conversation,
                    suites=request.suites,
                )
            self.handshake = handshake
            self._post_clear(handshake.evidence_message())
            self._set_deadline("opening", LIFETIME_S)
            self._post_clear(await appraise_handshake(deployment(), handshake))
        except TimeoutError:
            await self._end("timeout", CLOSE_TIMEOUT)
        except FrameError as error:
            await self._end(error.code, CLOSE_PROTOCOL)
        except ModelError as error:
            self._refuse_attestation(error.code, retry=error.retry)
        except AttestationError as error:
            logger.warning("no evidence: %s", error)
            self._refuse_attestation("attestation_unavailable", retry=isinstance(error, UnavailableError))

    async def _open(self, message: SessionOpen) -> None:
        """Open a session; a refused opening leaves the session before it running."""
        if self.handshake_task is not None:
            await asyncio.wait([self.handshake_task])
        handshake = self.handshake
        try:
            if handshake is None or handshake.record != message.record:
                raise RequestError("record_unknown", retry=True)
            channel, opening, outcome = await open_session(deployment(), handshake, message)
            consistency = await prove_growth(deployment(), handshake, opening)
        except ChatError as error:
            await self._refuse_opening(error)
            return
        except AttestationError as error:
            logger.warning("an opening could not be recorded: %s", error)
            self._refuse_attestation("attestation_unavailable", retry=True)
            return
        outlet = SealedOutlet(channel, self.outgoing)
        session = Session(
            deployment(),
            outlet,
            user=opening.user,
            conversation=handshake.statement.conversation or "",
            model=handshake.model,
            history_key=opening.history_key,
        )
        ready = ready_message(handshake, opening, outcome=outcome, resume=session.resume, consistency=consistency)
        self._switch(handshake.record, session, outlet, ready)

    def _switch(self, record: str, session: Session, outlet: SealedOutlet, ready: dict[str, Any]) -> None:
        if self.session is not None and self.outlet is not None:
            self.session.close()
            self.outlet.close()
        self._post_clear({"type": "session.switch", "record": record})
        self.session, self.outlet = session, outlet
        outlet.post(to_json(ready))
        self._clear_deadline("opening")
        self._set_deadline("session", SESSION_S)

    async def _refuse_opening(self, error: ChatError) -> None:
        if self.session is not None or error.code in ("record_unknown", "record_expired", "history_key_wrong"):
            self._post_clear({"type": "error", "code": error.code, "retry": error.retry})
        elif error.code == "refused_by_policy":
            await self._end(error.code, CLOSE_POLICY)
        else:
            await self._end(error.code, CLOSE_PROTOCOL)

    # --- the session, sealed ----------------------------------------------------------------------

    async def _receive_sealed(self, frame: bytes) -> None:
        if len(frame) > MAX_SEALED_BYTES:
            raise FrameError("bad_message", "too large")
        if self.session is None or self.outlet is None:
            raise ChannelError("no_session")
        await self.session.handle(parse_request(self.outlet.channel.open(frame)))

    def _post_clear(self, message: dict[str, Any]) -> None:
        self.outgoing.put_nowait((None, to_json(message)))

    async def _write(self) -> None:
        """Send what was queued, in order; frames are sealed as they leave."""
        while True:
            channel, message = await self.outgoing.get()
            if channel is None:
                await self.send(text_data=message.decode())
            else:
                await self.send(bytes_data=channel.seal(message))

    # --- the socket -------------------------------------------------------------------------------

    def _refusal(self, *, offered: bool) -> int | None:
        """Return the close code for a socket that may not go on."""
        if SessionConsumer.open_sockets > settings.CONFCHAT_MAX_SOCKETS:
            return CLOSE_OVERLOADED
        if not offered:
            return CLOSE_PROTOCOL
        if not self.scope["user"].is_authenticated:
            return CLOSE_LOGIN
        return None if self._origin() in settings.CONFCHAT_ORIGINS else CLOSE_POLICY

    def _origin(self) -> str:
        headers: dict[bytes, bytes] = dict(self.scope["headers"])
        return headers.get(b"origin", b"").decode("latin-1")

    async def _within_budget(self) -> bool:
        def spend_both() -> bool:
            address = (self.scope.get("client") or ("unknown",))[0]
            return spend(
                "handshakes/user", str(self.asker.user), limit=settings.CONFCHAT_HANDSHAKES_PER_USER
            ) and spend("handshakes/address", address, limit=settings.CONFCHAT_HANDSHAKES_PER_ADDRESS)

        return await asyncio.to_thread(spend_both)

    def _start(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a task of a socket failed", exc_info=error)
            self._start(self.close(CLOSE_OVERLOADED))

    def _set_deadline(self, name: str, seconds: float) -> None:
        self._clear_deadline(name)
        self.deadlines[name] = asyncio.get_running_loop().call_later(seconds, self._miss, name)

    def _clear_deadline(self, name: str) -> None:
        if name in self.deadlines:
            self.deadlines.pop(name).cancel()

    def _miss(self, deadline: str) -> None:
        """Close the socket at a missed deadline; a session outlives an opening that nobody made."""
        self._forget_handshake()
        if deadline != "opening" or self.session is None:
            self._start(self._end("timeout", CLOSE_TIMEOUT))

    def _forget_handshake(self) -> None:
        if self.handshake is not None:
            self.handshake.key = None
        self.handshake = None

    def _refuse_attestation(self, code: str, *, retry: bool) -> None:
        self._post_clear({"type": "error", "code": code, "retry": retry})

    async def _end(self, code: str, close_code: int) -> None:
        """Say why, then close; what was queued before is dropped with the session."""
        await self.send(text_data=json.dumps({"type": "error", "code": code, "retry": False}))
        await self.close(close_code)

"""One WebSocket: messages ↔ functions. Owns and cancels the tasks of its socket; decides nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseFault

from attestation.errors import AttestationError, ChannelError, UnavailableError
from confchat.admission import address_of, is_logged_in, login_of, watch_login
from confchat.deployment import deployment
from confchat.errors import ChatError, FrameError, ModelError, RequestError
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
from confchat.sockets import CLOSE_OVERLOADED, CLOSE_PROTOCOL, CLOSE_RATE, SealedOutlet, Socket

SUBPROTOCOL = "confchat.v1"
FIRST_REQUEST_S = EVIDENCE_S = 30
SESSION_S = 12 * 3600
MAX_CLEAR_BYTES = 16 * 1024
MAX_SEALED_BYTES = 1024 * 1024
MAX_CLEAR_SENT_BYTES = 512 * 1024
LOGIN_RECHECK_S = 30.0

CLOSE_LOGIN = 4401
CLOSE_POLICY = 4403
CLOSE_TIMEOUT = 4408

logger = logging.getLogger(__name__)


class SessionConsumer(Socket):
    """The socket of one tab: handshakes in clear, then the sealed session of the last one opened."""

    def __init__(self, *, first_request_s: float = FIRST_REQUEST_S) -> None:
        super().__init__()
        self.first_request_s = first_request_s
        self.handshake: Handshake | None = None
        self.attesting: asyncio.Task[None] | None = None
        self.opening: asyncio.Task[None] | None = None
        self.session: Session | None = None
        self.outlet: SealedOutlet | None = None
        self.stop_watching: Callable[[], None] | None = None

    async def connect(self) -> None:
        # A refused socket is accepted first: only then does a browser learn the code.
        offered = SUBPROTOCOL in self.scope["subprotocols"]
        await self.accept(SUBPROTOCOL if offered else None)
        refusal = self._refusal(offered=offered)
        if refusal is not None:
            await self.end(refusal)
            return
        is_program = "access_token" in self.scope
        self.asker = Asker(user=str(self.scope["user"].pk), origin=self._origin(), is_program=is_program)
        self.login_checked_at = time.monotonic()
        self.stop_watching = watch_login(login_of(self.scope), self._login_ended)
        self.start_writing()
        self.set_deadline("first request", self.first_request_s)

    def let_go(self) -> None:
        """Delete the handshake's key and end the session; its answers go on."""
        self._forget_handshake()
        if self.stop_watching is not None:
            self.stop_watching()
        if self.session is not None:
            self.session.close()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.is_ending:  # frames that came behind the one that ended it
            return
        try:
            if text_data is not None:
                await self._receive_clear(text_data)
            else:
                await self._receive_sealed(bytes_data or b"")
        except Exception as error:  # noqa: BLE001  # outermost frame of the socket: `fail` sorts and logs
            await self.fail(error)

    # --- the handshake, in clear ------------------------------------------------------------------

    async def _receive_clear(self, text: str) -> None:
        if len(text.encode("utf-8", "surrogatepass")) > MAX_CLEAR_BYTES:
            raise FrameError("bad_message", "too large")
        message = parse_clear(text)
        if isinstance(message, SessionOpen):
            self._receive_opening(message)
        elif _is_running(self.attesting):
            self._post_error("handshake_in_flight", retry=True)
        else:
            self.attesting = self.start(self._attest(message))

    def _receive_opening(self, message: SessionOpen) -> None:
        if _is_running(self.opening):  # of the same record, which is opened once
            self._post_error("record_unknown", retry=True)
        else:
            self.opening = self.start(self._open(message))

    async def _attest(self, request: AttestRequest) -> None:
        """Send evidence and verdict for one request, each as soon as it is there."""
        try:
            if not await self._may_ask():
                return
            self._forget_handshake()
            self.clear_deadline("first request")
            async with asyncio.timeout(EVIDENCE_S):
                handshake = await begin_handshake(
                    deployment(),
                    self.asker,
                    nonce=request.nonce,
                    conversation=request.conversation,
                    suites=request.suites,
                    model=request.model,
                )
            self.handshake = handshake
            self._post_clear(handshake.evidence_message())
            self.set_deadline("opening", deployment().policy.max_lifetime_s)
            self._post_clear(await appraise_handshake(deployment(), handshake))
        except TimeoutError:
            await self.end(CLOSE_TIMEOUT, "timeout")
        except ModelError as error:
            self._post_error(error.code, retry=error.retry)
        except (AttestationError, DatabaseFault) as error:
            logger.warning("no evidence: %s", error)
            is_passing = isinstance(error, UnavailableError | DatabaseFault)
            self._post_error("attestation_unavailable", retry=is_passing)

    async def _may_ask(self) -> bool:
        """Say whether the socket's user is still logged in and within budget; end the socket where he is not."""
        if not await self._is_logged_in():
            await self.end(CLOSE_LOGIN, "login_required")
        elif not await self._within_budget():
            await self.end(CLOSE_RATE, "too_many_requests")
        return not self.is_ending

    async def _open(self, message: SessionOpen) -> None:
        """Open a session; a refused opening leaves the session before it running."""
        if self.attesting is not None:
            await asyncio.wait([self.attesting])
        handshake = self.handshake
        try:
            if handshake is None or handshake.record != message.record:
                raise RequestError("record_unknown", retry=True)
            channel, opening, outcome = await open_session(deployment(), handshake, message)
            consistency = await prove_growth(deployment(), handshake, opening)
        except ChatError as error:
            await self._refuse_opening(error.code, retry=error.retry)
            return
        except ChannelError as error:
            await self._refuse_opening(error.code, retry=False)
            return
        except AttestationError as error:
            logger.warning("an opening could not be recorded: %s", error)
            self._post_error("attestation_unavailable", retry=True)
            return
        outlet = SealedOutlet(channel, self.outgoing)
        session = Session(
            deployment(),
            outlet,
            user=opening.user,
            conversation=handshake.statement.conversation or "",
            model=handshake.model,
            history_key=opening.history_key,
            embedding=handshake.embedding,
        )
        ready = ready_message(handshake, opening, outcome=outcome, resume=session.resume, consistency=consistency)
        self._switch(handshake, session, outlet, ready)

    def _switch(self, handshake: Handshake, session: Session, outlet: SealedOutlet, ready: dict[str, Any]) -> None:
        if self.session is not None and self.outlet is not None:
            self.session.close()
            self.outlet.close()
        self._post_clear({"type": "session.switch", "record": handshake.record})
        self.session, self.outlet = session, outlet
        outlet.post(to_json(ready))
        if self.handshake is handshake:  # else a later one waits for its opening already
            self.clear_deadline("opening")
        self.set_deadline("session", SESSION_S)

    async def _refuse_opening(self, code: str, *, retry: bool) -> None:
        if code == "not_stored":  # the database did not take the user's key, or could not be asked for it
            self._post_error("attestation_unavailable", retry=True)
        elif self.session is not None or code in ("record_unknown", "record_expired", "history_key_wrong"):
            self._post_error(code, retry=retry)
        else:
            await self.end(CLOSE_POLICY if code == "refused_by_policy" else CLOSE_PROTOCOL, code)

    # --- the session, sealed ----------------------------------------------------------------------

    async def _receive_sealed(self, frame: bytes) -> None:
        if len(frame) > MAX_SEALED_BYTES:
            raise FrameError("bad_message", "too large")
        if self.session is None or self.outlet is None:
            raise ChannelError("no_session")
        if time.monotonic() - self.login_checked_at > LOGIN_RECHECK_S and not await self._is_logged_in():
            await self.end(CLOSE_LOGIN, "login_required")
            return
        await self.session.handle(parse_request(self.outlet.channel.open(frame)))

    def _post_clear(self, message: dict[str, Any]) -> None:
        data = to_json(message)
        if len(data) > MAX_CLEAR_SENT_BYTES:
            raise UnavailableError("the evidence is larger than any client takes")
        self.outgoing.put(None, data)

    def _post_error(self, code: str, *, retry: bool) -> None:
        self._post_clear({"type": "error", "code": code, "retry": retry})

    # --- the socket -------------------------------------------------------------------------------

    def _refusal(self, *, offered: bool) -> int | None:
        """Return the close code for a socket that may not go on."""
        if Socket.open_sockets > settings.CONFCHAT_MAX_SOCKETS:
            return CLOSE_OVERLOADED
        if not offered:
            return CLOSE_PROTOCOL
        if "refusal" in self.scope:
            return int(self.scope["refusal"])
        if not self.scope["user"].is_authenticated:
            return CLOSE_LOGIN
        if Socket.open_of_user[str(self.scope["user"].pk)] > settings.CONFCHAT_SOCKETS_PER_USER:
            return CLOSE_RATE
        return None if self._origin() in settings.CONFCHAT_ORIGINS else CLOSE_POLICY

    def _origin(self) -> str:
        headers: dict[bytes, bytes] = dict(self.scope["headers"])
        return headers.get(b"origin", b"").decode("latin-1")

    def _login_ended(self) -> None:
        self.start(self.end(CLOSE_LOGIN, "login_required"))

    async def _is_logged_in(self) -> bool:
        self.login_checked_at = time.monotonic()
        return await is_logged_in(self.scope, user=str(self.scope["user"].pk))

    async def _within_budget(self) -> bool:
        def spend_both() -> bool:
            # A program that asks too often does not shut out the person whose token it has.
            who = self.scope.get("access_token", str(self.asker.user))
            return spend("handshakes/user", who, limit=settings.CONFCHAT_HANDSHAKES_PER_USER) and spend(
                "handshakes/address", address_of(self.scope), limit=settings.CONFCHAT_HANDSHAKES_PER_ADDRESS
            )

        return await asyncio.to_thread(spend_both)

    def miss(self, deadline: str) -> None:
        """Close the socket at a missed deadline; a session outlives an opening that nobody made."""
        self._forget_handshake()
        if deadline != "opening" or self.session is None:
            self.start(self.end(CLOSE_TIMEOUT, "timeout"))

    def _forget_handshake(self) -> None:
        if self.handshake is not None:
            self.handshake.key = None
        self.handshake = None


def _is_running(task: asyncio.Task[None] | None) -> bool:
    return task is not None and not task.done()

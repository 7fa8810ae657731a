"""A conversation with an attested machine: proved before anything is said, proved anew before the proof ends."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attestation.appraisal import AttestationResult
from attestation.client.access import parse_access_token
from attestation.client.answers import Answer, Piece
from attestation.client.connection import Connection
from attestation.client.errors import RefusedError
from attestation.client.known import KnownSite
from attestation.client.negotiation import Host, Proved, negotiate
from attestation.errors import AttestationError, ConfigurationError, UnavailableError
from attestation.offline import Anchors, is_loopback
from attestation.site import Site

PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@asynccontextmanager
async def connect(
    url: str,
    *,
    token: str,
    anchors: Anchors,
    state: Path | None = None,
    model: str | None = None,
    conversation: str | None = None,
    history_key: bytes | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> AsyncIterator[Session]:
    """Yield a session with a machine that has proved itself.

    Args:
        url: the site's address; without TLS only on this computer.
        token: an access token of the account (`access.py`).
        anchors: what is trusted and accepted (`trusting`).
        state: a file that remembers operators and their logs from call to call.
        model: its name, where it is not to be the one that the server is configured with.
        conversation: a stored one, to go on with.
        history_key: 32 bytes under which the conversation is stored; without it nothing is stored.
        clock: tells the time.

    Raises:
        NotAttestedError, AppraisalError: the machine is not what it must be; nothing was said to it.
        ConfigurationError: what was given does not suffice.
        RefusedError, UnavailableError, MalformedError, ChannelError: the server does not answer as it should.
    """
    access = parse_access_token(token)
    if conversation is not None and history_key is None:
        raise ConfigurationError("a stored conversation is opened with its history key alone")
    with Site(url) as site:
        if not site.origin.startswith("https:") and not is_loopback(site.origin):
            raise ConfigurationError(f"{site.origin} is reached without TLS: the access token would be anybody's")
        known = await asyncio.to_thread(
            KnownSite, site.origin, state=state, log_key=anchors.log_key, ask_key=site.log_key, now=clock()
        )
        host = Host(site=site, known=known, anchors=anchors, token=access, history_key=history_key, clock=clock)
        session = Session(host, conversation=conversation or str(uuid.uuid4()), model=model)
        try:
            await session.open()
            if conversation is not None:
                await session.go_on()
            yield session
        finally:
            await session.close()


class Session:
    """One conversation, for one task at a time; another may `stop` what it reads."""

    def __init__(self, host: Host, *, conversation: str, model: str | None) -> None:
        self.conversation = conversation
        self._host, self._model = host, model
        self._connection: Connection | None = None
        self._proved: Proved | None = None
        self._heard_under: Proved | None = None  # whose session remembers what was said
        self._newest: Answer | None = None
        self._leaf: str | None = None
        self._requests = 0

    @property
    def proved(self) -> Proved:
        """Return what the machine proved last. Raises `UnavailableError` before there is anything."""
        if self._proved is None:
            raise UnavailableError("the machine has not proved itself yet")
        return self._proved

    @property
    def result(self) -> AttestationResult:
        """Return the last judgement of the machine, which is affirming."""
        return self.proved.result

    @property
    def key_from(self) -> str:
        """Say how the operator is known: `given`, `seen first on …`, or `first use`."""
        return self._host.known.key_from

    @property
    def newest(self) -> Answer:
        """Return the newest answer, as far as it has come. Raises `UnavailableError` before anything was asked."""
        if self._newest is None:
            raise UnavailableError("nothing was asked yet")
        return self._newest

    async def open(self) -> None:
        """Have a connection, and a proof that lasts; tries once."""
        if self._connection is None:
            self._connection = await Connection.open(self._host.site.origin, token=self._host.token.to_text())
        elif not self.proved.is_due(self._host.clock()):
            return
        self._proved = await negotiate(self._connection, self._host, conversation=self.conversation, model=self._model)

    async def go_on(self) -> None:
        """Follow the newest message of a stored conversation. Raises `RefusedError`: there is no such one."""
        number = await self._request("conversation.open", conversation=self.conversation)
        messages = (await self._reply(number)).get("messages")
        if isinstance(messages, list) and messages and isinstance(messages[-1], Mapping):
            self._leaf = str(messages[-1].get("message"))

    async def ask(self, text: str, **ways: Any) -> AsyncGenerator[Piece]:
        """Say something and yield the answer as it comes; `newest` has the whole of it then.

        `ways` may be `options`, `system` and `effort` (docs/PROTOCOL.md section 8). When the connection is lost,
        another is made, the machine proves itself anew, and the answer is read on from where it was.

        Raises:
            NotAttestedError, AppraisalError: the machine does not prove itself any more.
            RefusedError: the server does not do it.
            UnavailableError: the server could not be reached for a minute.
        """
        await self._finish()
        answer = Answer(text=text, parent=self._leaf, ways=ways)
        before, self._newest = self._newest, answer
        failures = 0
        while not answer.reason:
            try:
                await self.open()
                await self._remember(before)
                async for piece in self._read(answer):
                    failures = 0
                    yield piece
            except AttestationError as error:
                failures += 1
                is_in_order = isinstance(error, RefusedError) and not error.retry
                if not is_in_order:
                    await self._hang_up()
                if not _may_pass(error) or failures > len(PAUSES_S):
                    answer.reason = "error"
                    raise
                await asyncio.sleep(PAUSES_S[failures - 1])

    async def stop(self) -> None:
        """End the answer under way: whoever reads it sees it end with the reason `cancelled`."""
        answer = self._newest
        if answer is not None and answer.reply and not answer.reason and self._connection is not None:
            await self._request("chat.stop", reply=answer.reply)

    async def _finish(self) -> None:
        """Have an answer ended that nobody reads any more, before something else is asked."""
        answer = self._newest
        try:
            await self.stop()
            while answer is not None and answer.reply and not answer.reason:
                message = await self._reply(answer.request)
                if message.get("type") == "chat.done":
                    answer.end(message)
        except UnavailableError:
            await self._hang_up()

    async def close(self) -> None:
        """Leave; an answer that nobody reads to its end is ended."""
        try:
            await self.stop()
        except AttestationError:
            return  # it is over already, and why was told to whoever asked
        finally:
            await self._hang_up()

    async def _remember(self, before: Answer | None) -> None:
        """Have a new session go on with what an earlier one said, where only its memory has that."""
        proved = self.proved
        if before is not None and before.reply and self._heard_under is not proved and self._host.history_key is None:
            number = await self._resume(before)
            while (await self._reply(number)).get("type") != "chat.done":
                pass
        self._heard_under = proved

    async def _read(self, answer: Answer) -> AsyncGenerator[Piece]:
        """Send what is asked, or ask for the rest of its answer, and yield what comes."""
        answer.request = await (self._resume(answer) if answer.reply else self._send(answer))
        while not answer.reason:
            message = await self._reply(answer.request)
            if message.get("type") == "chat.started":
                answer.reply, answer.resume = str(message.get("reply")), self.proved.resume
                self._leaf = answer.reply
            elif message.get("type") == "chat.delta":
                piece = answer.add(message)
                if piece != Piece():
                    yield piece
            elif message.get("type") == "chat.done":
                answer.end(message)

    async def _send(self, answer: Answer) -> int:
        return await self._request(
            "chat.send",
            conversation=self.conversation,
            message=answer.message,
            parent=answer.parent,
            text=answer.text,
            **answer.ways,
        )

    async def _resume(self, answer: Answer) -> int:
        known = {} if self._host.history_key is not None else {"resume": answer.resume}
        return await self._request("chat.resume", reply=answer.reply, offsets=answer.offsets, **known)

    async def _request(self, kind: str, **members: Any) -> int:
        """Send a request; return its id."""
        self._requests += 1
        number = self._requests
        await self._open_connection.send({"type": kind, "id": number, **members})
        return number

    async def _reply(self, number: int) -> dict[str, Any]:
        """Return the next reply to a request; what is told to others of its user is left. Raises `RefusedError`."""
        message = await self._open_connection.receive()
        while message.get("id") != number:
            message = await self._open_connection.receive()
        if message.get("type") == "error":
            raise RefusedError(str(message.get("code")), retry=message.get("retry") is True)
        return message

    @property
    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise UnavailableError("the connection is closed")
        return self._connection

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _may_pass(error: AttestationError) -> bool:
    """Say whether another try may go otherwise; what a server has lost of an answer does not come back."""
    if isinstance(error, RefusedError):
        return error.retry and error.code != "offset"
    return isinstance(error, UnavailableError)

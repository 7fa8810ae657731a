"""One socket to one server: handshake messages in clear, and everything else sealed, once there is a channel."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Origin, Subprotocol

from attestation.channel import ClientChannel
from attestation.client.errors import LostError, RefusedError
from attestation.encoding import parse_json
from attestation.errors import ChannelError, MalformedError
from attestation.offline import is_loopback

SOCKET_PATH = "/ws/session/"
SUBPROTOCOL = "confchat.v1"
OPEN_TIMEOUT_S = 30.0
CLOSE_TIMEOUT_S = 5.0
MAX_FRAME_BYTES = 1024 * 1024 + 4096  # a sealed frame with what seals it

# Close codes after which another try would end the same way, or is the caller's to make.
_REFUSALS = {4400: "bad_message", 4401: "login_required", 4403: "refused_by_policy", 4429: "too_many_requests"}


class _Connect(connect):
    """A connection that follows no redirect: a token and a question go to the address that was named, or nowhere."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Return the error: what the server answered is not a session."""
        return exc


class Connection:
    """A socket; every method translates what ends it into LostError or RefusedError."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._channel: ClientChannel | None = None
        self._order = asyncio.Lock()  # frames leave in the order in which they were sealed

    @classmethod
    async def open(cls, origin: str, *, token: str) -> Self:
        """Connect; the token goes to this origin alone. Raises LostError, RefusedError."""
        way = _Connect(
            origin.replace("http", "ws", 1) + SOCKET_PATH,
            origin=Origin(origin),
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            additional_headers={"Authorization": f"Bearer {token}"},
            user_agent_header="confchat-client",
            compression=None,  # what is sealed cannot be made smaller
            max_size=MAX_FRAME_BYTES,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            proxy=None if is_loopback(origin) else True,
        )
        try:
            socket = await way
        except (OSError, WebSocketException) as error:
            raise LostError(f"{origin} cannot be reached: {error}") from error
        if socket.subprotocol != SUBPROTOCOL:
            await socket.close()
            raise MalformedError("the server does not speak this protocol")
        return cls(socket)

    async def send_clear(self, message: Mapping[str, Any]) -> None:
        """Send a message of the handshake."""
        await self._send(json.dumps(message))

    async def receive_clear(self, kind: str, *, timeout_s: float) -> dict[str, Any]:
        """Return the next message in clear, which must be of this kind; what comes sealed meanwhile is left.

        Raises:
            RefusedError: the server says an error instead.
        """
        try:
            async with asyncio.timeout(timeout_s):
                frame = await self._receive()
                while isinstance(frame, bytes):
                    self._open(frame)
                    frame = await self._receive()
        except TimeoutError as error:
            raise LostError(f"no {kind} came within {timeout_s:.0f} s") from error
        message = _object(parse_json(frame.encode()))
        if message.get("type") != kind:
            _raise_refusal(message)
            raise MalformedError(f"the server sent something else than {kind}")
        return message

    def use(self, channel: ClientChannel) -> None:
        """Seal and open with this channel from now on."""
        self._channel = channel

    async def send(self, message: Mapping[str, Any]) -> None:
        """Seal and send a message."""
        if self._channel is None:
            raise ChannelError("no_session")
        async with self._order:
            await self._send(self._channel.seal(json.dumps(message, ensure_ascii=False).encode()))

    async def receive(self, *, timeout_s: float | None = None) -> dict[str, Any]:
        """Return the next sealed message; without a time limit the connection is asked now and then if it lives.

        Raises:
            ChannelError: it is not this session's.
        """
        try:
            async with asyncio.timeout(timeout_s):
                frame = await self._receive()
        except TimeoutError as error:
            raise LostError(f"nothing came within {timeout_s} s") from error
        if isinstance(frame, str):
            _raise_refusal(_object(parse_json(frame.encode())))
            raise MalformedError("a message in clear where a sealed one belongs")
        return self._open(frame)

    async def close(self) -> None:
        """Leave."""
        await self._socket.close()

    def _open(self, frame: bytes) -> dict[str, Any]:
        if self._channel is None:
            raise ChannelError("no_session")
        return _object(parse_json(self._channel.open(frame)))

    async def _send(self, frame: str | bytes) -> None:
        try:
            await self._socket.send(frame)
        except ConnectionClosed as error:
            raise self._ended() from error

    async def _receive(self) -> str | bytes:
        try:
            return await self._socket.recv()
        except ConnectionClosed as error:
            raise self._ended() from error

    def _ended(self) -> LostError | RefusedError:
        code = self._socket.close_code
        refusal = None if code is None else _REFUSALS.get(code)
        return LostError("the connection was lost") if refusal is None else RefusedError(refusal)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError("the server's message does not have the known form")
    return value


def _raise_refusal(message: Mapping[str, Any]) -> None:
    if message.get("type") == "error":
        raise RefusedError(str(message.get("code")), retry=message.get("retry") is True)

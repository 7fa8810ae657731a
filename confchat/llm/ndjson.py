"""Streams of JSON lines made safe for httpx, which also ends lines where JSON does not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

MAX_LINE_BYTES = 8 * 1024 * 1024  # as Ollama's own client, api/client.go
# httpx splits lines as str.splitlines does. JSON lets these three stand in a text as they are, and Go writes U+0085 so:
# an answer with that character would break off there. Inside JSON they can only stand in a text.
_LINE_ENDS = ((b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))


class NdjsonTransport(httpx.AsyncBaseTransport):
    """Another transport, whose responses are passed on in whole lines of limited size."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _Lines(response.stream)
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()


class _Lines(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        held = b""
        async for chunk in self._stream:
            lines, end, held = (held + chunk).rpartition(b"\n")
            if len(held) > MAX_LINE_BYTES:
                raise httpx.RemoteProtocolError("the model server sent a line without end")
            if end:
                yield _escape(lines) + end
        if held:
            yield _escape(held)

    async def aclose(self) -> None:
        await self._stream.aclose()


def _escape(lines: bytes) -> bytes:
    for character, escaped in _LINE_ENDS:
        lines = lines.replace(character, escaped)
    return lines

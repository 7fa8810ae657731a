"""Servers of OpenAI's form and of EAS's whose every answer a test decides."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from confchat.llm.endpoint import Endpoint

DIGEST = f"sha256:{'ab' * 32}"


def event(content: str | None = None, *, reason: str | None = None, **delta: Any) -> bytes:
    """Return a chunk as vLLM writes it."""
    said = delta if content is None else {"content": content, **delta}
    choice = {"index": 0, "delta": said, "finish_reason": reason}
    return b"data: " + json.dumps({"object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n"


def usage(prompt: int, completion: int) -> bytes:
    counts = {"prompt_tokens": prompt, "completion_tokens": completion}
    return b"data: " + json.dumps({"choices": [], "usage": counts}).encode() + b"\n\n"


END = b"data: [DONE]\n\n"


@dataclass
class EngineStandIn:
    """`pages` are answers by path, `pieces` those to any other POST: bytes, or seconds to wait."""

    pages: dict[str, Any] = field(
        default_factory=lambda: {
            "/v1/models": {"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 4096}]},
            "/version": {"version": "0.11.0"},
        }
    )
    pieces: Iterable[bytes | float] = (event("Hi"), event(reason="stop"), usage(7, 2), END)
    status: int = 200
    asked: list[tuple[str, dict[str, Any], str | None]] = field(default_factory=list)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    breaks_off: bool = False
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            page = self.pages.get(request.path)
            return web.Response(status=404) if page is None else web.json_response(page)
        self.asked.append((request.path, await request.json(), request.headers.get("authorization")))
        if request.path in self.pages:
            return web.json_response(self.pages[request.path], status=self.status)
        response = web.StreamResponse(status=self.status)
        try:
            await response.prepare(request)
            for piece in self.pieces:
                await (response.write(piece) if isinstance(piece, bytes) else asyncio.sleep(piece))
        except (asyncio.CancelledError, ConnectionResetError):
            self.freed.set()
            raise
        if self.breaks_off and request.transport is not None:
            request.transport.abort()
        return response

    def endpoint(self, **members: Any) -> Endpoint:
        return Endpoint(**{"url": self.url, "model": "m", "identify": identify, **members})


async def identify(_name: str) -> tuple[str, int]:
    return DIGEST, 12


@asynccontextmanager
async def serve(stand_in: EngineStandIn) -> AsyncIterator[EngineStandIn]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", stand_in.answer)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stand_in.url = "http://127.0.0.1:" + str(runner.addresses[0][1])
    try:
        yield stand_in
    finally:
        await runner.cleanup()


def separated(parts: Sequence[dict[str, Any]], *, ends: bool = True) -> bytes:
    """Return JSON objects as EAS separates them."""
    return b"\0".join(json.dumps(part).encode() for part in parts) + (b"\0" if ends else b"")

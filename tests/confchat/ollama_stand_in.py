"""A model server whose every answer a test decides, in the shapes that Ollama documents for 0.5.7 and for today."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

WEIGHTS = b"weights, to everybody who hashes them"
WEIGHTS_DIGEST = f"sha256:{hashlib.sha256(WEIGHTS).hexdigest()}"
MANIFEST = json.dumps({"config": {"digest": WEIGHTS_DIGEST}, "layers": [{"digest": WEIGHTS_DIGEST}]}).encode()
DIGEST = hashlib.sha256(MANIFEST).hexdigest()
CREATED_AT = "2025-01-20T10:00:00.123456789Z"


def store_model(directory: Path, name: str) -> None:
    """Put the files of a model of Ollama's library into a directory in the layout of OLLAMA_MODELS."""
    manifest = directory / "manifests" / "registry.ollama.ai" / "library" / name.replace(":", "/")
    manifest.parent.mkdir(parents=True)
    manifest.write_bytes(MANIFEST)
    (directory / "blobs").mkdir()
    (directory / "blobs" / WEIGHTS_DIGEST.replace(":", "-")).write_bytes(WEIGHTS)


def tag_entry(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "model": name,
        "modified_at": CREATED_AT,
        "size": 42520412561,
        "digest": DIGEST,
        "details": {
            "parent_model": "",
            "format": "gguf",
            "family": "llama",
            "families": ["llama"],
            "parameter_size": "70.6B",
            "quantization_level": "Q4_K_M",
        },
        **more,
    }


def show_answer(*, capabilities: list[str] | None = None, **more: Any) -> dict[str, Any]:
    answer = {
        "modelfile": "FROM /models/blobs/sha256-4cd5",
        "template": "{{ .Prompt }}",
        "details": tag_entry("x")["details"],
        "model_info": {"general.architecture": "llama", "llama.context_length": 131072},
        "modified_at": CREATED_AT,
        **more,
    }
    return answer if capabilities is None else {**answer, "capabilities": capabilities}


def line(content: str = "", *, thinking: str | None = None, done: bool = False, **more: Any) -> bytes:
    message = {"role": "assistant", "content": content} | ({} if thinking is None else {"thinking": thinking})
    members = {"model": "m", "created_at": CREATED_AT, "message": message, "done": done, **more}
    return json.dumps(members, ensure_ascii=False).encode() + b"\n"


def last_line(content: str = "", *, reason: str = "stop", **more: Any) -> bytes:
    counts = {"total_duration": 4883583458, "load_duration": 1334875, "prompt_eval_count": 26, "eval_count": 282}
    return line(content, done=True, done_reason=reason, **counts, **more)


@dataclass
class StandIn:
    """What the server answers, and what it was asked. `pieces` of a chat may be bytes, or seconds to wait."""

    version: Any = field(default_factory=lambda: {"version": "0.12.6"})
    tags: Any = field(default_factory=lambda: {"models": [tag_entry("deepseek-r1:70b")]})
    loaded: Any = field(default_factory=lambda: {"models": []})
    show: Any = field(default_factory=lambda: show_answer(capabilities=["completion", "thinking"]))
    pieces: Iterable[bytes | float] = (line("Hi"), last_line())
    vector_of: Callable[[str], Any] = lambda text: [float(len(text)), 1.0]
    status: int = 200
    error: str | None = None
    breaks_off: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    host: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path)
        if request.path == "/api/tags":
            return web.json_response(self.tags)
        if request.path == "/api/version":
            return web.json_response(self.version)
        if request.path == "/api/ps":
            return web.json_response(self.loaded)
        if request.path == "/api/show":
            return web.json_response(self.show)
        self.asked.append(await request.json())
        if self.error is not None:
            return web.json_response({"error": self.error}, status=self.status)
        if request.path == "/api/embed":
            return web.json_response({"embeddings": [self.vector_of(text) for text in self.asked[-1]["input"]]})
        return await self._stream(request)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=self.status, headers={"Content-Type": "application/x-ndjson"})
        try:
            await response.prepare(request)
            for piece in self.pieces:
                if isinstance(piece, bytes):
                    await response.write(piece)
                else:
                    await asyncio.sleep(piece)
        except (asyncio.CancelledError, ConnectionResetError):
            self.freed.set()
            raise
        if self.breaks_off and request.transport is not None:
            request.transport.abort()
        return response


@asynccontextmanager
async def serve(stand_in: StandIn, *, port: int = 0) -> AsyncIterator[StandIn]:
    """Answer on a port of this machine, a free one where none is named."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", stand_in.answer)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    stand_in.host = "127.0.0.1:" + str(runner.addresses[0][1])
    try:
        yield stand_in
    finally:
        await runner.cleanup()

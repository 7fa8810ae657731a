"""Ollama's HTTP API over the models of one directory, as a plain ASGI application: what a chat needs of it.

Shapes and status codes are those of Ollama 0.12.6 and later (docs/api, server/routes.go); management (pull, create,
delete) is left out. What is not Ollama's is said: `server` in /api/version, `simulated_thinking` in the details.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing
from importlib.metadata import version
from typing import Any, TypeAlias

from confchat.errors import ModelError
from confchat.llm.devchat import BadRequestError, ChatRequest, load_part, parse_chat, run_chat
from confchat.llm.devengine import EngineError
from confchat.llm.devengines import Engines, LoadedModel, can_think, metadata_of, parse_keep_alive
from confchat.llm.devmodel import ENGINE
from confchat.llm.modelstore import ModelStore, StoredModel

MAX_BODY_BYTES = 16 * 1024 * 1024
JSON_TYPE, NDJSON_TYPE = b"application/json; charset=utf-8", b"application/x-ndjson"

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class DevApi:
    """The application. It answers this machine's programs only, and no page that a browser has open."""

    def __init__(self, store: ModelStore, engines: Engines) -> None:
        self._store = store
        self._engines = engines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = Reply(send)
        body = await _read_body(receive)
        if body is None or not _is_local(scope):
            await reply.fail(403 if body is not None else 413, "refused")
            return
        answering = asyncio.create_task(self._answer(scope["method"], scope["path"], body, reply))
        leaving = asyncio.create_task(_wait_until_left(receive))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not answering.done():  # the client left: closing the engine's generator stops the model
                answering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answering

    async def _answer(self, method: str, path: str, body: bytes, reply: Reply) -> None:
        try:
            match ("GET" if method == "HEAD" else method, path):
                case ("GET", "/"):
                    await reply.json({"message": "ConfChat's development model server is running"})
                case ("GET", "/api/version"):
                    await reply.json({"version": version(ENGINE), "server": ENGINE})
                case ("GET", "/api/tags"):
                    await reply.json({"models": [_describe(model) for model in self._store.list_models()]})
                case ("GET", "/api/ps"):
                    await reply.json({"models": [_describe_loaded(loaded) for loaded in self._engines.loaded]})
                case ("POST", "/api/show"):
                    await reply.json(self._show(_parse_json(body)))
                case ("POST", "/api/chat"):
                    await self._chat(parse_chat(_parse_json(body)), reply)
                case _:
                    await reply.fail(404, "404 page not found")
        except BadRequestError as error:
            await reply.fail(400, str(error))
        except EngineError as error:
            await reply.fail(error.status, str(error))
        except ModelError as error:
            await reply.fail(404 if error.code == "model_missing" else 500, str(error))

    def _find(self, name: str) -> StoredModel:
        try:
            return self._store.find(name)
        except ModelError as error:
            raise ModelError(error.code, f"model '{name}' not found") from error

    def _show(self, request: Mapping[str, Any]) -> dict[str, Any]:
        model = self._find(str(request.get("model") or request.get("name") or ""))
        metadata = metadata_of(model)
        return {
            "modelfile": f"FROM {model.weights}\n",
            "parameters": "\n".join(f"{name:<30} {value}" for name, value in model.parameters.items()),
            "template": metadata.get("tokenizer.chat_template", ""),
            "details": {**_details(model), "simulated_thinking": not can_think(metadata)},
            "model_info": {name: value for name, value in metadata.items() if name != "tokenizer.chat_template"},
            "capabilities": ["completion", "thinking"],
            "modified_at": model.modified_at.isoformat(),
        }

    async def _chat(self, request: ChatRequest, reply: Reply) -> None:
        model = self._find(request.model)
        keep_alive_s = parse_keep_alive(request.keep_alive)
        if not request.messages and keep_alive_s == 0:
            self._engines.unload(model)
            await reply.json(load_part(request.model, reason="unload"))
            return
        started = time.monotonic_ns()
        with self._engines.using(model, keep_alive_s=keep_alive_s) as loaded:
            if not request.messages:
                await reply.json(load_part(request.model, reason="load"))
                return
            parts = run_chat(
                loaded.engine,
                request,
                defaults=model.parameters,
                simulate_thinking=not loaded.thinks,
                loaded_ns=time.monotonic_ns() - started,
            )
            async with aclosing(parts):
                await (_stream(parts, reply) if request.stream else _collect(parts, reply))


class Reply:
    """The answer to one request: a JSON document, or JSON lines. An error after the first line is a line too."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_started = False

    async def json(self, value: object, *, status: int = 200) -> None:
        """Send one document."""
        data = json.dumps(value, default=str).encode()
        await self._start(status, JSON_TYPE, length=len(data))
        await self._send({"type": "http.response.body", "body": data})

    async def line(self, value: object) -> None:
        """Send one line of many."""
        if not self._is_started:
            await self._start(200, NDJSON_TYPE, length=None)
        data = json.dumps(value).encode() + b"\n"
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """End the lines."""
        await self._send({"type": "http.response.body", "body": b""})

    async def fail(self, status: int, message: str) -> None:
        """Send an error in the way that is still possible."""
        if not self._is_started:
            await self.json({"error": message}, status=status)
            return
        await self.line({"error": message})
        await self.end()

    async def _start(self, status: int, content_type: bytes, *, length: int | None) -> None:
        self._is_started = True
        headers = [(b"content-type", content_type)]
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


async def _stream(parts: AsyncGenerator[dict[str, Any], None], reply: Reply) -> None:
    async for part in parts:
        await reply.line(part)
    await reply.end()


async def _collect(parts: AsyncGenerator[dict[str, Any], None], reply: Reply) -> None:
    """Send all parts as one, which Ollama does where no stream is wanted."""
    texts = {"content": "", "thinking": ""}
    last: dict[str, Any] = {}
    async for last in parts:
        for name in texts:
            texts[name] += last["message"].get(name, "")
    if not texts["thinking"]:
        del texts["thinking"]
    await reply.json({**last, "message": {"role": "assistant", **texts}})


async def _read_body(receive: Receive) -> bytes | None:
    """Return the whole body; None when it is too large, or the client left."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


async def _wait_until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _is_local(scope: Scope) -> bool:
    """Say whether a program of this machine asks: by one of the machine's own names, and not from a web page.

    Pages of other sites could else have the model answer them, through names that they point at 127.0.0.1.
    """
    headers = dict(scope["headers"])
    host = headers.get(b"host", b"").decode("latin-1").rpartition("@")[2]
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    if b"origin" in headers:
        return False
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _parse_json(body: bytes) -> dict[str, Any]:
    if not body:
        raise BadRequestError("missing request body")
    try:
        value = json.loads(body)
    except ValueError as error:
        raise BadRequestError("invalid JSON") from error
    if not isinstance(value, dict):
        raise BadRequestError("invalid JSON: not an object")
    return value


def _describe(model: StoredModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": model.modified_at.isoformat(),
        "size": model.size,
        "digest": model.digest,
        "details": _details(model),
    }


def _describe_loaded(loaded: LoadedModel) -> dict[str, Any]:
    return {
        **_describe(loaded.model),
        "expires_at": loaded.expires_at.isoformat(),
        "size_vram": 0,
        "context_length": loaded.engine.context_length,
    }


def _details(model: StoredModel) -> dict[str, Any]:
    config = model.config
    return {
        "parent_model": "",
        "format": config.get("model_format", ""),
        "family": config.get("model_family", ""),
        "families": config.get("model_families") or [],
        "parameter_size": config.get("model_type", ""),
        "quantization_level": config.get("file_type", ""),
    }

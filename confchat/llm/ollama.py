"""Models served by Ollama, from 0.5.7 on, or by anything that speaks its API; the only importer of `ollama`.

What differs between versions is asked of the server: `capabilities` (from 0.6.4) say whether a model has the field
`thinking` (from 0.9.0); thinking that is written into the content is told apart always.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal, TypeAlias, cast

import aiohttp
import httpx
import ollama
from httpx_aiohttp import AiohttpTransport

from confchat.errors import ModelError
from confchat.llm import Done, Event, Message, ModelDescription, PullStep, failures
from confchat.llm.endpoint import MAX_CONNECTIONS, TimeLimits
from confchat.llm.installed import (
    Tag,
    Traits,
    build_description,
    efforts_of,
    full_name,
    parse_backend,
    parse_loaded,
    parse_show,
    parse_tags,
)
from confchat.llm.ndjson import NdjsonTransport
from confchat.llm.served import require_vectors
from confchat.llm.texts import pieces, plain_text, repeatable
from confchat.llm.thinking import ThinkingParser

MOST_EMBEDDED_TOKENS = 2048  # more than a passage has
# 0.5.7 cuts a text at its context, adds the model's own marks, and its runner ends where they do not fit any more.
SPARE_TOKENS = 16
NANOSECONDS_PER_MS = 1_000_000

Think: TypeAlias = bool | Literal["low", "medium", "high"] | None

# All that the client and the libraries below it raise; the last two for lines that are JSON but not an object.
_FOREIGN = (ollama.ResponseError, httpx.HTTPError, aiohttp.ClientError, OSError, ValueError, AttributeError, TypeError)


class OllamaModel:
    """The models of the Ollama server at `host`, written as OLLAMA_HOST is; see `confchat.llm.Model`."""

    def __init__(
        self, host: str, *, transport: httpx.AsyncBaseTransport | None = None, limits: TimeLimits | None = None
    ) -> None:
        self._limits = limits or TimeLimits()
        connections = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
        self._client = _Client(
            host,
            transport=NdjsonTransport(transport or AiohttpTransport(limits=connections)),
            timeout=httpx.Timeout(None, connect=self._limits.connect_s, pool=self._limits.connect_s),
            follow_redirects=False,  # a redirection could lead out of this machine
        )
        self._traits: dict[Tag, Traits] = {}
        self._tags: dict[str, Tag] = {}

    async def describe(self, name: str) -> ModelDescription:
        """Describe one installed model.

        Raises:
            ModelError: it is missing, or another machine would run it; or the server fails.
        """
        tag = await self._find(full_name(name))
        return build_description(tag, await self._traits_of(tag), backend=await self._backend())

    async def list_models(self) -> tuple[ModelDescription, ...]:
        """Describe every installed model that chats and runs in this machine.

        Raises:
            ModelError: the server fails.
        """
        await self._refresh()
        backend = await self._backend()
        loaded = parse_loaded(await self._ask("GET", "/api/ps"))
        models = [(tag, await self._traits_of(tag)) for _, tag in sorted(self._tags.items())]
        return tuple(
            build_description(tag, traits, backend=backend, is_loaded=tag.name in loaded)
            for tag, traits in models
            if traits.chats
        )

    async def chat(
        self,
        name: str,
        messages: Sequence[Message],
        *,
        options: Mapping[str, Any] | None = None,
        effort: str | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Stream one answer: pieces, then exactly one `Done`. Closing it closes the request, which frees the model.

        Raises:
            ModelError: the model is missing, unreachable, busy or failed; also in the middle of an answer.
        """
        started = time.monotonic()
        parser = ThinkingParser()
        last: ollama.ChatResponse | None = None
        async with aclosing(self._parts(full_name(name), messages, options or {}, effort)) as parts:
            async for part in parts:
                for event in _split(part.message, parser):
                    yield event
                if part.done:
                    last = part
                    break
        for event in pieces(*parser.finish()):
            yield event
        yield _done(last, started)

    async def embed(self, name: str, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text; see `confchat.llm.Model`. Raises `ModelError`."""
        tag = self._tags.get(full_name(name)) or await self._find(full_name(name))
        length = (await self._traits_of(tag)).context_length or MOST_EMBEDDED_TOKENS
        options = {"num_ctx": max(1, min(length, MOST_EMBEDDED_TOKENS) - SPARE_TOKENS)}
        body = {"model": tag.name, "input": list(texts), "truncate": True, "options": options}
        answer = await self._ask("POST", "/api/embed", body, name=name, limit_s=self._limits.embedding_s)
        return require_vectors(answer.get("embeddings"), count=len(texts))

    async def pull(self, name: str) -> AsyncGenerator[PullStep, None]:
        """Have the server fetch a model; see `confchat.llm.Model`.

        Raises:
            ModelError: not a name, one of the cloud, unknown to the registry, or the server fails.
        """
        layers: dict[str, tuple[int, int]] = {}
        try:
            stream = await self._client.pull(full_name(name), stream=True)
            async for part in stream:
                if part.digest and part.total:
                    layers[part.digest] = (part.completed or 0, part.total)
                    done, total = (sum(column) for column in zip(*layers.values(), strict=True))
                    yield PullStep(done, total)
        except ollama.ResponseError as error:
            raise failures.pull_failed(str(error.error)) from None
        except _FOREIGN as error:
            raise _translate(error, name) from None

    async def unload(self, name: str) -> None:
        """Have the server give a model's memory back, when its last answer is done.

        Raises:
            ModelError: it is missing, or the server fails.
        """
        body = {"model": full_name(name), "messages": [], "keep_alive": 0, "stream": False}
        await self._ask("POST", "/api/chat", body, name=name)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def _parts(
        self, name: str, messages: Sequence[Message], options: Mapping[str, Any], effort: str | None
    ) -> AsyncGenerator[ollama.ChatResponse, None]:
        """Ask for an answer and pass on its lines, each within its time limit."""
        tag = self._tags.get(name) or await self._find(name)
        think = _think(tag, await self._traits_of(tag), effort)
        limit_s = self._limits.first_token_s
        try:
            stream = await self._client.stream_chat(tag.name, messages, options, think=think)
            async with aclosing(stream):
                while True:
                    async with asyncio.timeout(limit_s):
                        part = await anext(stream, None)
                    if part is None:
                        return
                    yield part
                    limit_s = self._limits.between_tokens_s
        except _FOREIGN as error:
            self._tags.pop(name, None)  # it may have been removed or replaced: asked anew next time
            raise _translate(error, name) from None

    async def _find(self, name: str) -> Tag:
        remote = await self._refresh()
        if name in remote:
            raise failures.outside(name)
        if name not in self._tags:
            raise failures.missing(name)
        return self._tags[name]

    async def _refresh(self) -> frozenset[str]:
        """Read which models are installed; return the names of those that run on another machine."""
        self._tags, remote = parse_tags(await self._ask("GET", "/api/tags"))
        present = frozenset(self._tags.values())
        self._traits = {tag: traits for tag, traits in self._traits.items() if tag in present}
        return remote

    async def _traits_of(self, tag: Tag) -> Traits:
        """Return what a model can do; asked once for each digest, since that covers template and parameters."""
        if tag not in self._traits:
            answer = await self._ask("POST", "/api/show", {"model": tag.name}, name=tag.name)
            self._traits[tag] = parse_show(answer, tag.name)
        return self._traits[tag]

    async def _backend(self) -> str:
        return parse_backend(await self._ask("GET", "/api/version"))

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        name: str = "",
        limit_s: float | None = None,
    ) -> dict[str, Any]:
        try:
            async with asyncio.timeout(limit_s or self._limits.description_s):
                return await self._client.ask(method, path, body)
        except _FOREIGN as error:
            raise _translate(error, name) from None


class _Client(ollama.AsyncClient):
    """The official client, with answers that its own types would cut short."""

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        response = await self._request_raw(method, path, json=body)  # type: ignore[no-untyped-call]
        answer = response.json()
        if not isinstance(answer, dict):
            raise TypeError
        return answer

    async def stream_chat(
        self, name: str, messages: Sequence[Message], options: Mapping[str, Any], *, think: Think
    ) -> AsyncGenerator[ollama.ChatResponse, None]:
        """Return the lines of an answer. `think` is sent only where it is understood, the rest keep quiet about it."""
        history = [_said(message) for message in messages]
        stream = await self.chat(name, history, stream=True, think=think, options=options)
        return cast("AsyncGenerator[ollama.ChatResponse, None]", stream)


def _said(message: Message) -> dict[str, Any]:
    images = {"images": [ollama.Image(value=image) for image in message.images]} if message.images else {}
    return {"role": message.role, "content": repeatable(message), **images}


def _think(tag: Tag, traits: Traits, effort: str | None) -> Think:
    """Return what `think` is to be: a model that can think does, unless it is told otherwise by a word that it has."""
    if not traits.has_thinking_field:
        return None
    if effort not in efforts_of(tag, traits):
        return True
    return {"off": False, "on": True}.get(effort) if effort in ("off", "on") else cast("Think", effort)


def _split(message: ollama.Message, parser: ThinkingParser) -> list[Event]:
    thinking, content = parser.feed(plain_text(message.content))
    return pieces(plain_text(message.thinking) + thinking, content)


def _done(last: ollama.ChatResponse | None, started: float) -> Done:
    """Return how an answer ended. Ollama ends some without a word: one token 30 times over, or a runner gone."""
    measured_ms = int((time.monotonic() - started) * 1000)
    if last is None:
        return Done("truncated", None, None, measured_ms)
    total_ms = last.total_duration // NANOSECONDS_PER_MS if last.total_duration else measured_ms
    reason: Literal["stop", "length"] = "length" if last.done_reason == "length" else "stop"
    eval_ms = last.eval_duration // NANOSECONDS_PER_MS if last.eval_duration else None
    return Done(reason, last.prompt_eval_count, last.eval_count, total_ms, eval_ms)


def _translate(error: BaseException, name: str) -> ModelError:
    """Say what a library's error means; it is not chained, since its text may quote what was said."""
    if isinstance(error, ollama.ResponseError):
        return failures.refused(name, status=error.status_code, words=str(error.error))
    if isinstance(error, TimeoutError | httpx.ReadTimeout):
        return failures.too_slow()
    if isinstance(error, ValueError | AttributeError | TypeError):
        return failures.not_understood()
    return failures.unreachable()

"""Models behind an API of OpenAI's form: vLLM, SGLang, Ray Serve, llama.cpp. One endpoint, asked over HTTP.

`GET /v1/models` names what is served, `POST /v1/chat/completions` streams an answer as server-sent events, and
`POST /v1/embeddings` turns texts into vectors. What the form leaves open (versions, context, whether a model sees,
options of their own) is asked of each server as its kind has it.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from confchat.errors import ModelError
from confchat.llm import Done, Event, Message, ModelDescription, PullStep, failures
from confchat.llm.endpoint import Endpoint, TimeLimits, fetch_nothing, require_status, translated, within
from confchat.llm.separated import split_pieces
from confchat.llm.served import KINDS, UNKNOWN_KIND, Kind, parse_embeddings, parse_served
from confchat.llm.texts import pieces, plain_text, repeatable
from confchat.llm.thinking import ThinkingParser

DONE = b"[DONE]"
# Ours on the left, as confchat.parameters has them; `num_ctx` is the server's own to decide.
_OPTIONS = {
    **{name: name for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "stop")},
    "num_predict": "max_tokens",
}
_MORE_OPTIONS = {"top_k": "top_k", "min_p": "min_p"}


class OpenAiModel:
    """The models of one endpoint; see `confchat.llm.Model`. Nothing is fetched by it."""

    def __init__(
        self, endpoint: Endpoint, *, transport: httpx.AsyncBaseTransport | None = None, limits: TimeLimits | None = None
    ) -> None:
        self._endpoint = endpoint
        self._limits = limits or TimeLimits()
        bearer = {"authorization": f"Bearer {endpoint.token}"} if endpoint.token else {}
        self._client = endpoint.client(headers=bearer, transport=transport, limits=self._limits)
        self._kind = ""

    async def describe(self, name: str) -> ModelDescription:
        """Describe one model that is served.

        Raises:
            ModelError: it is not among them, or the server fails.
        """
        served = next((model for model in parse_served(await self._ask("/v1/models")) if model.name == name), None)
        if served is None or not name or name not in (self._endpoint.model, self._endpoint.embedding):
            raise failures.not_served(name)
        self._kind = served.kind
        digest, size = await self._endpoint.identify(name)
        return ModelDescription(
            name=name,
            digest=digest,
            backend=await self._backend(served.kind),
            context_length=served.context_length,
            thinks=False,
            simulated_thinking=False,
            size=size,
            sees=name == self._endpoint.model and await self._sees(served.kind),
            embeds=name == self._endpoint.embedding,
        )

    async def list_models(self) -> tuple[ModelDescription, ...]:
        """Describe the one model whose files are known; whatever else is served there is not offered.

        Raises:
            ModelError: as `describe`.
        """
        return (await self.describe(self._endpoint.model),)

    async def chat(
        self,
        name: str,
        messages: Sequence[Message],
        *,
        options: Mapping[str, Any] | None = None,
        effort: str | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Stream one answer; see `confchat.llm.Model`. `effort` has no name that all of these servers know.

        Raises:
            ModelError: the model is missing, unreachable, busy or failed; also in the middle of an answer.
        """
        started = time.monotonic()
        parser, reason, usage = ThinkingParser(), None, _Usage()
        request = await self._request(name, messages, options or {})
        async with aclosing(self._chunks(name, request)) as chunks:
            async for chunk in chunks:
                usage = _Usage.of(chunk) or usage
                for choice in chunk.get("choices") or ():
                    reason = choice.get("finish_reason") or reason
                    for event in _events(choice.get("delta") or {}, parser):
                        yield event
        thinking, content = parser.finish()
        for event in pieces(thinking, content):
            yield event
        yield _done(reason, usage, started)

    async def embed(self, name: str, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text; see `confchat.llm.Model`. Raises `ModelError`."""
        request = {"model": name, "input": list(texts), "encoding_format": "float"}
        with translated():
            async with asyncio.timeout(self._limits.embedding_s):
                response = await self._client.post("/v1/embeddings", json=request)
                await require_status(response, name)
        return parse_embeddings(Endpoint.parse_object(response.content), count=len(texts))

    def pull(self, name: str) -> AsyncGenerator[PullStep, None]:
        """Refuse: such a server serves what it was started with. Raises `ModelError`."""
        return fetch_nothing()

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _request(self, name: str, messages: Sequence[Message], options: Mapping[str, Any]) -> dict[str, Any]:
        if not self._kind:
            await self.describe(name)
        kind = KINDS.get(self._kind, UNKNOWN_KIND)
        goes_on = bool(messages) and messages[-1].role == "assistant"
        return {
            "model": name,
            "messages": [{"role": each.role, "content": _content(each)} for each in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            **_options(options, kind),
            **(kind.continues if goes_on else {}),
        }

    async def _chunks(self, name: str, request: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Ask for an answer and yield its events, each within its time limit; the last one ends it."""
        limit_s = self._limits.first_token_s
        with translated():
            async with self._client.stream("POST", "/v1/chat/completions", json=request) as response:
                await require_status(response, name)
                async with aclosing(split_pieces(response.aiter_bytes(), separators=(b"\n", b"\r"))) as lines:
                    while (line := await within(limit_s, lines)) is not None:
                        limit_s = self._limits.between_tokens_s
                        field, _, data = line.partition(b":")
                        if field.strip() != b"data":
                            continue  # a comment that keeps the connection alive, or another field of the form
                        if data.strip() == DONE:
                            return
                        yield _parse_chunk(data, name)

    async def _backend(self, kind: str) -> str:
        """Return `vllm/<version>`; a server that does not say goes by its kind alone."""
        known = KINDS.get(kind)
        if known is None:
            return kind
        try:
            version = (await self._ask(known.version_path)).get(known.version_member)
        except ModelError:
            return kind
        return f"{kind}/{version[:80]}" if isinstance(version, str) and version else kind

    async def _sees(self, kind: str) -> bool:
        """Say whether the model takes images: as its operator has it, or else as the server says, where it does."""
        if self._endpoint.sees is not None:
            return self._endpoint.sees
        path, *members = KINDS.get(kind, UNKNOWN_KIND).sees or ("",)
        if not path:
            return False
        try:
            said: object = await self._ask(path)
        except ModelError:
            return False
        for member in members:
            said = said.get(member) if isinstance(said, dict) else None
        return said is True

    async def _ask(self, path: str) -> dict[str, Any]:
        with translated():
            async with asyncio.timeout(self._limits.description_s):
                response = await self._client.get(path)
                await require_status(response, self._endpoint.model)
        return Endpoint.parse_object(response.content)


@dataclass(frozen=True, slots=True)
class _Usage:
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    @classmethod
    def of(cls, chunk: Mapping[str, Any]) -> _Usage | None:
        usage = chunk.get("usage")
        if not isinstance(usage, dict):
            return None
        counts = (usage.get(name) for name in ("prompt_tokens", "completion_tokens"))
        return cls(*(count if isinstance(count, int) else None for count in counts))


def _parse_chunk(data: bytes, name: str) -> dict[str, Any]:
    """Return one event; an error that stands in its place is raised, without its words."""
    chunk = Endpoint.parse_object(data)
    error = chunk.get("error")
    if error is not None:
        words = error.get("message") if isinstance(error, dict) else error
        raise failures.refused(name, status=failures.IN_ANSWER, words=str(words))
    choices = chunk.get("choices")
    if not isinstance(choices, list | None) or not all(isinstance(choice, dict) for choice in choices or ()):
        raise failures.not_understood()
    return chunk


def _content(message: Message) -> str | list[dict[str, Any]]:
    """Return a turn as the form has it: images as data URIs beside the text."""
    if not message.images:
        return repeatable(message)
    urls = (f"data:image/jpeg;base64,{base64.b64encode(image).decode()}" for image in message.images)
    images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return [*images, {"type": "text", "text": repeatable(message)}]


def _options(options: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    names = dict(_OPTIONS)
    if kind.repeat_penalty:
        names |= {**_MORE_OPTIONS, "repeat_penalty": kind.repeat_penalty}
    return {names[name]: value for name, value in options.items() if name in names}


def _events(delta: Mapping[str, Any], parser: ThinkingParser) -> list[Event]:
    thinking, content = parser.feed(plain_text(delta.get("content")))
    apart = plain_text(delta.get("reasoning_content") or delta.get("reasoning"))
    return pieces(apart + thinking, content)


def _done(reason: object, usage: _Usage, started: float) -> Done:
    """Return how an answer ended; without a word of the server it was cut off."""
    ended: Literal["stop", "length", "truncated"] = "truncated"
    if isinstance(reason, str):
        ended = "length" if reason == "length" else "stop"
    total_ms = int((time.monotonic() - started) * 1000)
    return Done(ended, usage.prompt_tokens, usage.completion_tokens, total_ms)

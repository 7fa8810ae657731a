"""Models behind an API of OpenAI's form: vLLM, SGLang, Ray Serve, llama.cpp. One endpoint, asked over HTTP.

`GET /v1/models` names what is served, `POST /v1/chat/completions` streams an answer as server-sent events. What
the form leaves open (versions, context, options of their own) is asked of each server as its kind has it.
"""

from __future__ import annotations

import asyncio
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
from confchat.llm.texts import pieces, plain_text, repeatable
from confchat.llm.thinking import ThinkingParser

DONE = b"[DONE]"
UNKNOWN_KIND = "openai"


@dataclass(frozen=True, slots=True)
class Kind:
    """One program: where it says its version, and how it calls the option that Ollama calls `repeat_penalty`."""

    version_path: str
    version_member: str
    repeat_penalty: str
    continues: Mapping[str, Any]


# By `owned_by` of /v1/models (vllm entrypoints/openai, sglang srt/entrypoints, llama.cpp tools/server).
KINDS: Mapping[str, Kind] = {
    "vllm": Kind(
        "/version", "version", "repetition_penalty", {"add_generation_prompt": False, "continue_final_message": True}
    ),
    "sglang": Kind("/get_server_info", "version", "repetition_penalty", {"continue_final_message": True}),
    "llamacpp": Kind("/props", "build_info", "repeat_penalty", {}),
}
_UNKNOWN = Kind("", "", "", {})
# Ours on the left, as confchat.parameters has them; `num_ctx` is the server's own to decide.
_OPTIONS = {
    **{name: name for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "stop")},
    "num_predict": "max_tokens",
}
_MORE_OPTIONS = {"top_k": "top_k", "min_p": "min_p"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    """One entry of /v1/models."""

    name: str
    kind: str
    context_length: int | None


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
        served = next((model for model in _parse_models(await self._ask("/v1/models")) if model.name == name), None)
        if served is None or name != self._endpoint.model:
            raise failures.not_served(name)
        self._kind = served.kind
        digest, size = await self._endpoint.identify()
        return ModelDescription(
            name=name,
            digest=digest,
            backend=await self._backend(served.kind),
            context_length=served.context_length,
            thinks=False,
            simulated_thinking=False,
            size=size,
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

    def pull(self, name: str) -> AsyncGenerator[PullStep, None]:
        """Refuse: such a server serves what it was started with. Raises `ModelError`."""
        return fetch_nothing()

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _request(self, name: str, messages: Sequence[Message], options: Mapping[str, Any]) -> dict[str, Any]:
        if not self._kind:
            await self.describe(name)
        kind = KINDS.get(self._kind, _UNKNOWN)
        goes_on = bool(messages) and messages[-1].role == "assistant"
        return {
            "model": name,
            "messages": [{"role": each.role, "content": repeatable(each)} for each in messages],
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


def _parse_models(answer: Mapping[str, Any]) -> list[_Served]:
    entries = answer.get("data")
    if not isinstance(entries, list):
        raise failures.not_understood()
    return [_parse_served(entry) for entry in entries]


def _parse_served(entry: object) -> _Served:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise failures.not_understood()
    meta = entry.get("meta")
    more = meta if isinstance(meta, dict) else {}
    lengths = (entry.get("max_model_len"), more.get("n_ctx"), more.get("n_ctx_train"))
    owner = entry.get("owned_by")
    return _Served(
        name=entry["id"],
        kind=owner if isinstance(owner, str) and owner in KINDS else UNKNOWN_KIND,
        context_length=next((length for length in lengths if isinstance(length, int)), None),
    )


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

"""Models behind a service of Alibaba Cloud's EAS, asked as its documentation for LLM services has it.

POST <service>, `Authorization: <token>` (no scheme), JSON: `prompt`, `system_prompt`, `history` (pairs of question
and answer), `use_stream_chat`, options. The answer is JSON objects separated by NUL, each with a `response`: either
all that was said so far or only what is new; which of both is found out from the pieces themselves.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import httpx

from confchat.errors import ModelError
from confchat.llm import Done, Event, Message, ModelDescription, PullStep, failures
from confchat.llm.endpoint import Endpoint, TimeLimits, fetch_nothing, require_status, translated, within
from confchat.llm.separated import split_pieces
from confchat.llm.texts import pieces, plain_text, repeatable
from confchat.llm.thinking import ThinkingParser

BACKEND = "eas"
# Ours on the left, as confchat.parameters has them; what is not here, the service decides.
OPTIONS = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "num_predict": "max_new_tokens"}


class EasModel:
    """The one model of a service; see `confchat.llm.Model`. The service says nothing of itself: its operator does."""

    def __init__(
        self, endpoint: Endpoint, *, transport: httpx.AsyncBaseTransport | None = None, limits: TimeLimits | None = None
    ) -> None:
        self._endpoint = endpoint
        self._limits = limits or TimeLimits()
        headers = {"authorization": endpoint.token} if endpoint.token else {}
        self._client = endpoint.client(headers=headers, transport=transport, limits=self._limits)

    async def describe(self, name: str) -> ModelDescription:
        """Describe the model as its operator has it; the service is not asked. Raises `ModelError`."""
        if name != self._endpoint.model:
            raise failures.not_served(name)
        digest, size = await self._endpoint.identify(name)
        return ModelDescription(
            name=name,
            digest=digest,
            backend=BACKEND,
            context_length=None,
            thinks=False,
            simulated_thinking=False,
            size=size,
        )

    async def list_models(self) -> tuple[ModelDescription, ...]:
        """Describe the one model. Raises `ModelError`."""
        return (await self.describe(self._endpoint.model),)

    async def chat(
        self,
        name: str,
        messages: Sequence[Message],
        *,
        options: Mapping[str, Any] | None = None,
        effort: str | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Stream one answer; see `confchat.llm.Model`. `effort` has no name here.

        Raises:
            ModelError: `unsupported` where an answer is to be gone on with; else as every model.
        """
        if name != self._endpoint.model:
            raise failures.not_served(name)
        started = time.monotonic()
        parser, answer = ThinkingParser(), GrowingAnswer()
        usage: Mapping[str, Any] = {}
        async with aclosing(self._parts(build_request(messages, options or {}))) as parts:
            async for part in parts:
                usage = _usage(part) or usage
                for event in pieces(*parser.feed(answer.add(plain_text(part.get("response"))))):
                    yield event
        for event in pieces(*parser.finish()):
            yield event
        yield Done(
            "stop" if answer.is_begun else "truncated",
            _count(usage, "prompt_tokens", "input_tokens"),
            _count(usage, "completion_tokens", "output_tokens"),
            int((time.monotonic() - started) * 1000),
        )

    async def embed(self, name: str, texts: Sequence[str]) -> list[list[float]]:
        """Refuse: the form has no vectors. Raises `ModelError`, `unsupported`."""
        raise ModelError("unsupported", "This service makes no vectors of texts.")

    def pull(self, name: str) -> AsyncGenerator[PullStep, None]:
        """Refuse: such a server serves what it was started with. Raises `ModelError`."""
        return fetch_nothing()

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _parts(self, request: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Ask for an answer and yield its objects, each within its time limit."""
        limit_s = self._limits.first_token_s
        with translated():
            async with self._client.stream("POST", self._endpoint.url, json=request) as response:
                await require_status(response, self._endpoint.model)
                async with aclosing(split_pieces(response.aiter_bytes(), separators=(b"\0",))) as found:
                    while (piece := await within(limit_s, found)) is not None:
                        limit_s = self._limits.between_tokens_s
                        yield Endpoint.parse_object(piece)


class GrowingAnswer:
    """Tells what is new of an answer, whether its pieces are cumulative or not.

    A piece that begins with everything before it is cumulative, one that does not is not; once known, it stays so. A
    piece equal to the first says nothing yet, and waits for the next one.
    """

    def __init__(self) -> None:
        self._text = ""
        self._waiting = ""
        self._is_cumulative: bool | None = None

    @property
    def is_begun(self) -> bool:
        """Say whether anything was said."""
        return bool(self._text)

    def add(self, piece: str) -> str:
        """Return what is new with the next piece. Raises `ModelError` where an answer takes back what it said."""
        if not self._text or not piece:
            self._text = piece or self._text
            return piece
        if self._is_cumulative is None:
            if piece == self._text:
                self._waiting += piece
                return ""
            self._is_cumulative = piece.startswith(self._text)
        if not self._is_cumulative:
            new, self._waiting = self._waiting + piece, ""
            return new
        if not piece.startswith(self._text):
            raise failures.not_understood()
        new, self._text = piece[len(self._text) :], piece
        return new


def build_request(messages: Sequence[Message], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body for a conversation that ends with the user's turn.

    Raises:
        ModelError: `unsupported`: it ends with the model's own, which this form cannot go on with.
    """
    system = [message.content for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]
    if not turns or turns[-1].role != "user":
        raise ModelError("unsupported", "This service cannot go on with an answer; ask it anew.")
    return {
        "prompt": turns[-1].content,
        "system_prompt": "\n\n".join(system),
        "history": _pairs(turns[:-1]),
        "use_stream_chat": True,
        **{OPTIONS[name]: value for name, value in options.items() if name in OPTIONS},
    }


def _pairs(turns: Sequence[Message]) -> list[list[str]]:
    """Return turns as pairs of question and answer; one without the other stands beside an empty text."""
    pairs: list[list[str]] = []
    for turn in turns:
        if turn.role == "user":
            pairs.append([turn.content, ""])
        elif pairs and not pairs[-1][1]:
            pairs[-1][1] = repeatable(turn)
        else:
            pairs.append(["", repeatable(turn)])
    return pairs


def _usage(part: Mapping[str, Any]) -> Mapping[str, Any]:
    usage = part.get("usage")
    return usage if isinstance(usage, dict) else {}


def _count(usage: Mapping[str, Any], *names: str) -> int | None:
    return next((usage[name] for name in names if isinstance(usage.get(name), int)), None)

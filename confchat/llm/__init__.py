"""The one door to language models: what a model is, and the events that its answer is made of.

Every backend module here answers to `Model`; callers know nothing else of it. Failures are
`confchat.errors.ModelError` with one of `ERROR_CODES`, and their texts never quote what was said.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

ERROR_CODES = frozenset(
    {
        "model_missing",  # not installed here; the text names the command that pulls it
        "model_unavailable",  # the model server cannot be reached, or does not answer in time
        "model_busy",  # it has too much to do
        "model_failed",  # it answered with an error, or broke off
        "model_unknown",  # the registry has no such model
        "pull_failed",  # it could not be fetched
        "unsupported",  # this server fetches nothing, cannot go on with an answer, or makes no vectors
    }
)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation, without thinking; `images` are JPEGs, for models that see."""

    role: Literal["system", "user", "assistant"]
    content: str
    images: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Thinking:
    """A piece of what the model thinks before it answers."""

    text: str


@dataclass(frozen=True, slots=True)
class Content:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end of an answer; `truncated` when the stream ended without saying so. `eval_ms` made its tokens alone."""

    reason: Literal["stop", "length", "truncated"]
    prompt_tokens: int | None
    completion_tokens: int | None
    total_ms: int
    eval_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PullStep:
    """How far a model has been fetched: bytes of the layers that are known so far, at the end of all."""

    done_bytes: int
    total_bytes: int


Event: TypeAlias = Thinking | Content | Done


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDescription:
    """What the model server says of a model; `digest` is `sha256:` and 64 hex digits.

    `efforts` are the words by which it can be told how much to think; none where it cannot be told. `is_loaded` is
    null where nobody asked.
    """

    name: str
    digest: str
    backend: str
    context_length: int | None
    thinks: bool
    simulated_thinking: bool
    size: int
    parameter_size: str = ""
    quantization: str = ""
    sees: bool = False
    embeds: bool = False
    efforts: tuple[str, ...] = ()
    is_loaded: bool | None = None


class Model(Protocol):
    """A model server. All methods raise `ModelError` and nothing else of their own."""

    async def describe(self, name: str) -> ModelDescription:
        """Describe one installed model; `model_missing` when it is not there."""

    async def list_models(self) -> tuple[ModelDescription, ...]:
        """Describe every installed model that runs inside this machine."""

    def chat(
        self,
        name: str,
        messages: Sequence[Message],
        *,
        options: Mapping[str, Any] | None = None,
        effort: str | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Stream one answer: pieces, then exactly one `Done`. Closing it frees the model at once.

        Where the last message is the model's own, it is gone on with. `effort` is one of the model's, or null.
        """

    async def embed(self, name: str, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text, all of one size, by a model that `embeds`; what is too long is cut."""

    def pull(self, name: str) -> AsyncGenerator[PullStep, None]:
        """Have the server fetch a model from its registry. Closing it ends that; what has come is kept there."""

    async def close(self) -> None:
        """Close every connection."""

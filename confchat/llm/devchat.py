"""Chat requests as Ollama takes them, and the parts of an answer as it sends them."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from confchat.llm import Thinking
from confchat.llm.devengine import Engine, EngineError, Finish

ROLES = frozenset({"system", "user", "assistant", "tool"})
THINK_LEVELS = frozenset({"low", "medium", "high", "max"})
DEFAULT_TOKENS = 384  # the model is small: without a limit it would repeat itself to the end of its context
NOTE_TOKENS = 60
NOTE_REQUEST = "Note what matters for an answer. Do not answer."
NOTE_BEGINNING = "The user is asking"
NANOSECONDS_PER_MS = 1_000_000
# Ollama's option -> the engine's, and the types it may have; Ollama ignores options that it does not know.
OPTIONS: Mapping[str, tuple[str, str]] = {
    "num_predict": ("max_tokens", "integer"),
    "temperature": ("temperature", "float32"),
    "top_p": ("top_p", "float32"),
    "top_k": ("top_k", "integer"),
    "min_p": ("min_p", "float32"),
    "seed": ("seed", "integer"),
    "stop": ("stop", "array"),
    "repeat_penalty": ("repeat_penalty", "float32"),
    "repeat_last_n": ("repeat_last_n", "integer"),
    "presence_penalty": ("presence_penalty", "float32"),
    "frequency_penalty": ("frequency_penalty", "float32"),
}
_KINDS: Mapping[str, tuple[type, ...]] = {"integer": (int,), "float32": (int, float), "array": (list,)}


class BadRequestError(Exception):
    """A request that Ollama would refuse with status 400 and these words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A chat as it was asked for; `think` is None where nothing was said of it."""

    model: str
    messages: tuple[dict[str, str], ...]
    options: dict[str, Any]
    stream: bool
    think: bool | None
    keep_alive: object


def parse_chat(body: Mapping[str, Any]) -> ChatRequest:
    """Return the request of a body.

    Raises:
        BadRequestError: a member is missing, has another type, or asks for what this server does not do.
    """
    model = _member(body, "model", str, "")
    if not model:
        raise BadRequestError("model is required")
    for member in ("tools", "format"):
        if body.get(member):
            raise BadRequestError(f'"{model}" does not support {member}')
    return ChatRequest(
        model=model,
        messages=tuple(_parse_message(message) for message in _member(body, "messages", list, [])),
        options=_parse_options(_member(body, "options", dict, {})),
        stream=_member(body, "stream", bool, True),
        think=_parse_think(body.get("think")),
        keep_alive=body.get("keep_alive"),
    )


async def run_chat(
    engine: Engine, request: ChatRequest, *, defaults: Mapping[str, Any], simulate_thinking: bool, loaded_ns: int
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the parts of the answer, the last with `done`; members that are zero are left out, as Ollama does.

    Thinking is on unless it is refused, as in Ollama since 0.12.4. A model that cannot think is run twice: the first
    pass, which notes what the question is about, is what `thinking` carries.

    Raises:
        EngineError: before or after the first part.
    """
    started = time.monotonic_ns() - loaded_ns
    options = {"max_tokens": DEFAULT_TOKENS} | _parse_options(defaults) | request.options
    finishes: list[Finish] = []
    thinks = request.think is not False
    if thinks and simulate_thinking:
        async for part in _run(engine, _note(request, options), request.model, finishes, is_note=True):
            yield part
    async for part in _run(engine, _answer(request, options, thinks=thinks), request.model, finishes, is_note=False):
        yield part
    yield _last_part(request.model, finishes, total_ns=time.monotonic_ns() - started, loaded_ns=loaded_ns)


def load_part(model: str, *, reason: str) -> dict[str, Any]:
    """Return the answer to a request without messages, which only loads the model or gives its memory back."""
    return {**_part(model), "done": True, "done_reason": reason}


async def _run(
    engine: Engine, completion: dict[str, Any], model: str, finishes: list[Finish], *, is_note: bool
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the parts of one pass, and add how it ended to `finishes`."""
    beginning = NOTE_BEGINNING if is_note else ""
    async with aclosing(engine.complete(completion)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Finish):
                finishes.append(piece)
                return
            if is_note or isinstance(piece, Thinking):
                yield _part(model, thinking=beginning + piece.text)
            else:
                yield _part(model, content=piece.text)
            beginning = ""
    raise EngineError(500, "an error was encountered while running the model")


def _note(request: ChatRequest, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first pass: the last message, and the beginning of a note on it for the model to go on from."""
    prompt = f"{request.messages[-1]['content']}\n\n{NOTE_REQUEST}"
    messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": NOTE_BEGINNING}]
    return {**options, "messages": messages, "max_tokens": NOTE_TOKENS, "stop": ["\n\n"]}


def _answer(request: ChatRequest, options: Mapping[str, Any], *, thinks: bool) -> dict[str, Any]:
    return {**options, "messages": list(request.messages), "chat_template_kwargs": {"enable_thinking": thinks}}


def _part(model: str, *, content: str = "", thinking: str = "") -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    if thinking:
        message["thinking"] = thinking
    created_at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {"model": model, "created_at": created_at, "message": message, "done": False}


def _last_part(model: str, finishes: list[Finish], *, total_ns: int, loaded_ns: int) -> dict[str, Any]:
    counts = {
        "total_duration": total_ns,
        "load_duration": loaded_ns,
        "prompt_eval_count": sum(finish.prompt_tokens for finish in finishes),
        "prompt_eval_duration": int(sum(finish.prompt_ms for finish in finishes) * NANOSECONDS_PER_MS),
        "eval_count": sum(finish.completion_tokens for finish in finishes),
        "eval_duration": int(sum(finish.completion_ms for finish in finishes) * NANOSECONDS_PER_MS),
    }
    reason = "length" if finishes[-1].reason == "length" else "stop"
    return load_part(model, reason=reason) | {name: count for name, count in counts.items() if count}


def _parse_message(message: object) -> dict[str, str]:
    role = _member(message, "role", str, "").lower()
    if role not in ROLES:
        raise BadRequestError("invalid role")
    return {"role": role, "content": _member(message, "content", str, "")}


def _parse_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return Ollama's options as the engine's; a limit of tokens below one is none."""
    parsed: dict[str, Any] = {}
    for name, (own_name, kind) in OPTIONS.items():
        value = options.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, _KINDS[kind]):
            raise BadRequestError(f'option "{name}" must be of type {kind}')
        parsed[own_name] = value
    if parsed.get("max_tokens", 1) < 1:
        del parsed["max_tokens"]
    return parsed


def _parse_think(think: object) -> bool | None:
    if think is None or isinstance(think, bool):
        return think
    if think in THINK_LEVELS:
        return True
    raise BadRequestError('think must be a boolean or string ("high", "medium", "low", "max", true, or false)')


def _member(value: object, name: str, kind: type[Any], default: Any) -> Any:
    member = value.get(name) if isinstance(value, dict) else None
    if member is None:
        return default
    if not isinstance(member, kind):
        raise BadRequestError(f"json: cannot unmarshal into field {name}")
    return member

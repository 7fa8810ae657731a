"""Which models are loaded, and for how long: Ollama's `keep_alive`."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from confchat.errors import ModelError
from confchat.llm.devchat import BadRequestError
from confchat.llm.devengine import Engine
from confchat.llm.gguf import read_metadata
from confchat.llm.modelstore import StoredModel

FOREVER_S = 292 * 365.25 * 86400.0  # what Ollama makes of a negative duration: the longest that Go can say
NEVER = datetime(2318, 1, 1, tzinfo=UTC)
# One part of Go's duration; the longer units first, since "ms" begins with "m".
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")

_metadata = lru_cache(maxsize=16)(read_metadata)  # a blob's name is its digest: the file never changes


@dataclass(slots=True, kw_only=True)
class LoadedModel:
    """A model in memory. `thinks` is whether its own template knows thinking; `users` counts requests under way."""

    model: StoredModel
    engine: Engine
    thinks: bool
    users: int = 0
    keep_alive_s: float = FOREVER_S
    expires_at: datetime = NEVER
    timer: asyncio.TimerHandle | None = None


class Engines:
    """The models in memory. Without another wish, a model stays until the server ends."""

    def __init__(self) -> None:
        self._loaded: dict[str, LoadedModel] = {}

    @property
    def loaded(self) -> list[LoadedModel]:
        """Every model in memory."""
        return list(self._loaded.values())

    def load(self, model: StoredModel) -> LoadedModel:
        """Return a model, loaded if need be; that blocks the whole process.

        Raises:
            ModelError: its file is not of the format.
            EngineError: the engine cannot load it.
        """
        if model.digest not in self._loaded:
            metadata = metadata_of(model)
            engine = Engine(model.weights, context_length=context_length(metadata))
            self._loaded[model.digest] = LoadedModel(model=model, engine=engine, thinks=can_think(metadata))
        return self._loaded[model.digest]

    @contextmanager
    def using(self, model: StoredModel, *, keep_alive_s: float | None) -> Iterator[LoadedModel]:
        """Lend a loaded model; the time it is kept begins when the last user gives it back."""
        loaded = self.load(model)
        loaded.users += 1
        if keep_alive_s is not None:
            loaded.keep_alive_s = keep_alive_s
        try:
            yield loaded
        finally:
            loaded.users -= 1
            self._schedule(loaded)

    def unload(self, model: StoredModel) -> None:
        """Give a model's memory back, now or when its last user is done."""
        loaded = self._loaded.get(model.digest)
        if loaded is not None:
            loaded.keep_alive_s = 0.0
            self._schedule(loaded)

    def close(self) -> None:
        """Unload everything; blocks until the requests under way have noticed."""
        while self._loaded:
            _, loaded = self._loaded.popitem()
            loaded.engine.close()

    def _schedule(self, loaded: LoadedModel) -> None:
        if loaded.timer is not None:
            loaded.timer.cancel()
            loaded.timer = None
        if loaded.keep_alive_s >= FOREVER_S:
            loaded.expires_at = NEVER
            return
        loaded.expires_at = datetime.now(UTC) + timedelta(seconds=loaded.keep_alive_s)
        loaded.timer = asyncio.get_running_loop().call_later(loaded.keep_alive_s, self._expire, loaded)

    def _expire(self, loaded: LoadedModel) -> None:
        if loaded.users == 0 and self._loaded.pop(loaded.model.digest, None) is not None:
            loaded.engine.close()


def metadata_of(model: StoredModel) -> Mapping[str, Any]:
    """Return what a model's file says of itself.

    Raises:
        ModelError: `model_failed`: it is not of the format.
    """
    return _metadata(model.weights)


def can_think(metadata: Mapping[str, Any]) -> bool:
    """Say whether a model's own template knows thinking; of others it is simulated."""
    return "<think>" in str(metadata.get("tokenizer.chat_template", ""))


def context_length(metadata: Mapping[str, Any]) -> int:
    """Return for how many tokens of context a model was made.

    Raises:
        ModelError: `model_failed`: its file does not say.
    """
    length = metadata.get(f"{metadata.get('general.architecture')}.context_length")
    if not isinstance(length, int):
        raise ModelError("model_failed", "The model file does not say for how much context it was made.")
    return length


def parse_keep_alive(value: object) -> float | None:
    """Return seconds from a number of them or Go's way to write a duration; negative is for ever, absent is None.

    Raises:
        BadRequestError: it is neither.
    """
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str):
        seconds = _parse_duration(value)
    else:
        raise BadRequestError("keep_alive must be a number of seconds or a duration")
    return FOREVER_S if seconds < 0 or math.isnan(seconds) else min(seconds, FOREVER_S)


def _parse_duration(text: str) -> float:
    body = text.removeprefix("-")
    sign = -1.0 if body != text else 1.0
    parts = _DURATION_PART.findall(body)
    if body == "0":  # only zero needs no unit
        return 0.0
    if not parts or "".join(number + unit for number, unit in parts) != body:
        raise BadRequestError(f'time: invalid duration "{text}"')
    return sign * sum(float(number) * _UNITS_S[unit] for number, unit in parts)

"""How a model may be asked to answer: its parameters with their bounds, its effort, and what it is told first. Pure.

One table: the server refuses by it, and the page is told it and shows it. Names and meanings are Ollama's
(docs/modelfile.md); whatever stands outside of it is not passed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from confchat.errors import RequestError

MAX_SYSTEM_CHARACTERS = 32_000
MAX_STOPS = 8
MAX_STOP_CHARACTERS = 64
MIN_CONTEXT_TOKENS = 512
MAX_SEED = 2**31 - 1
MAX_ANSWER_TOKENS = 131_072

EFFORTS = ("off", "on", "low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that a model can be given; both bounds are allowed values."""

    kind: Literal["integer", "number"]
    least: float
    most: float

    def allows(self, value: object) -> bool:
        kinds = (int,) if self.kind == "integer" else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and self.least <= value <= self.most


PARAMETERS: Mapping[str, Parameter] = {
    "temperature": Parameter("number", 0, 2),
    "top_p": Parameter("number", 0, 1),
    "top_k": Parameter("integer", 0, 1000),
    "min_p": Parameter("number", 0, 1),
    "repeat_penalty": Parameter("number", 0, 2),
    "repeat_last_n": Parameter("integer", -1, 65_536),
    "presence_penalty": Parameter("number", -2, 2),
    "frequency_penalty": Parameter("number", -2, 2),
    "seed": Parameter("integer", 0, MAX_SEED),
    "num_predict": Parameter("integer", 1, MAX_ANSWER_TOKENS),
    "num_ctx": Parameter("integer", MIN_CONTEXT_TOKENS, 2**24),
}


def check_options(options: Mapping[str, Any]) -> None:
    """Hold options to the table.

    Raises:
        RequestError: `unsupported` (a name that is not in it), `bad_options` (a value out of bounds).
    """
    for name, value in options.items():
        if name == "stop":
            _check_stops(value)
        elif name not in PARAMETERS:
            raise RequestError("unsupported")
        elif not PARAMETERS[name].allows(value):
            raise RequestError("bad_options")


def fit_options(options: Mapping[str, Any], *, context_tokens: int) -> dict[str, Any]:
    """Return checked options with the context that an answer gets: what was asked for, within what there is."""
    check_options(options)
    return {**options, "num_ctx": min(options.get("num_ctx", context_tokens), context_tokens)}


def describe_parameters(*, context_tokens: int) -> dict[str, dict[str, Any]]:
    """Return the table as the page is told it; `num_ctx` ends with what this installation gives."""
    table = {**PARAMETERS, "num_ctx": Parameter("integer", MIN_CONTEXT_TOKENS, context_tokens)}
    return {name: {"kind": row.kind, "least": row.least, "most": row.most} for name, row in table.items()}


def _check_stops(value: object) -> None:
    stops = value if isinstance(value, list) else [None]
    if len(stops) > MAX_STOPS or not all(
        isinstance(stop, str) and 0 < len(stop) <= MAX_STOP_CHARACTERS for stop in stops
    ):
        raise RequestError("bad_options")

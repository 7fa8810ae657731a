"""How long a model is kept is said as Ollama has it said."""

from __future__ import annotations

import pytest

from confchat.errors import ModelError
from confchat.llm.devchat import BadRequestError
from confchat.llm.devengines import FOREVER_S, can_think, context_length, parse_keep_alive


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        (0, 0.0),
        (30, 30.0),
        (1.5, 1.5),
        (-1, FOREVER_S),
        (float("inf"), FOREVER_S),
        (float("nan"), FOREVER_S),
        ("0", 0.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        ("-1m", FOREVER_S),
    ],
)
def test_a_time_to_keep_a_model_is_understood(value: object, seconds: float | None) -> None:
    assert parse_keep_alive(value) == seconds


@pytest.mark.parametrize("value", ["", "5", "m", "5 m", "5m!", "-", "--5m", "5d", True, [], {}])
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(BadRequestError):
        parse_keep_alive(value)


def test_a_model_thinks_where_its_template_says_so() -> None:
    assert can_think({"tokenizer.chat_template": "{{ '<think>' }}"})
    assert not can_think({"tokenizer.chat_template": "{{ message }}"})
    assert not can_think({})


def test_a_model_without_a_context_is_refused() -> None:
    assert context_length({"general.architecture": "llama", "llama.context_length": 8192}) == 8192
    with pytest.raises(ModelError):
        context_length({"general.architecture": "llama"})

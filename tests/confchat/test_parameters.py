"""What a model may be asked for: one table, refused outside of its bounds."""

from __future__ import annotations

from typing import Any

import pytest

from confchat.errors import RequestError
from confchat.parameters import PARAMETERS, check_options, describe_parameters, fit_options
from confchat.prompting import build_prompt
from confchat.turns import Turn
from tests.session_client import new_id

NO_DOCUMENTS: dict[str, Any] = {"documents": {}, "sees": False, "mark": ""}


@pytest.mark.parametrize("name", PARAMETERS)
def test_both_bounds_are_allowed_and_nothing_beyond(name: str) -> None:
    row = PARAMETERS[name]
    kind = int if row.kind == "integer" else float
    check_options({name: kind(row.least)})
    check_options({name: kind(row.most)})
    for value in (row.least - 1, row.most + 1, True, "1", None, float("nan")):
        with pytest.raises(RequestError, match="bad_options"):
            check_options({name: value})


@pytest.mark.parametrize("stop", ["###", [""], ["x" * 65], ["x"] * 9, [1]])
def test_stops_are_a_few_short_texts(stop: Any) -> None:
    check_options({"stop": ["###", "\n\n"]})
    with pytest.raises(RequestError, match="bad_options"):
        check_options({"stop": stop})


def test_what_is_not_in_the_table_is_not_passed_on() -> None:
    with pytest.raises(RequestError, match="unsupported"):
        check_options({"num_gpu": 0})


def test_the_context_is_what_was_asked_for_within_what_there_is() -> None:
    assert fit_options({}, context_tokens=8192)["num_ctx"] == 8192
    assert fit_options({"num_ctx": 1024}, context_tokens=8192)["num_ctx"] == 1024
    assert fit_options({"num_ctx": 100_000}, context_tokens=8192)["num_ctx"] == 8192
    assert describe_parameters(context_tokens=8192)["num_ctx"] == {"kind": "integer", "least": 512, "most": 8192}


def test_thinking_is_never_sent_back_and_what_the_model_is_told_comes_first() -> None:
    prompt = Turn(uuid=new_id(), parent=None, role="user", text="Why?")
    answer = Turn(uuid=new_id(), parent=prompt.uuid, role="assistant", text="So.", thinking="A SECRET THOUGHT")
    again = Turn(uuid=new_id(), parent=answer.uuid, role="user", text="And?")
    messages, _ = build_prompt([prompt, answer, again], tokens=8192, system="Be brief.", **NO_DOCUMENTS)
    assert [(message.role, message.content) for message in messages] == [
        ("system", "Be brief."),
        ("user", "Why?"),
        ("assistant", "So."),
        ("user", "And?"),
    ]


def test_what_the_model_is_told_takes_its_room() -> None:
    prompt = Turn(uuid=new_id(), parent=None, role="user", text="x" * 1000)
    build_prompt([prompt], tokens=512, **NO_DOCUMENTS)
    with pytest.raises(RequestError, match="prompt_too_long"):
        build_prompt([prompt], tokens=512, system="y" * 500, **NO_DOCUMENTS)

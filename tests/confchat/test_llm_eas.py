"""A service of EAS answers the same chat, whether its pieces are cumulative or not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from confchat.errors import ModelError
from confchat.llm import Content, Done, Event, Message, Thinking
from confchat.llm.eas import EasModel, build_request
from tests.confchat.engine_stand_in import DIGEST, EngineStandIn, separated, serve

QUESTION = [Message("user", "the canary sings")]


@pytest.fixture
async def server() -> AsyncIterator[EngineStandIn]:
    async with serve(EngineStandIn(pieces=(separated([{"response": "Hi"}]),))) as stand_in:
        yield stand_in


@pytest.fixture
async def model(server: EngineStandIn) -> AsyncIterator[EasModel]:
    model = EasModel(server.endpoint(url=f"{server.url}/api/predict/llm", token="secret=="))
    yield model
    await model.close()


async def answer(model: EasModel, **more: Any) -> list[Event]:
    events = [said async for said in model.chat("m", QUESTION, **more)]
    return [replace(each, total_ms=0) if isinstance(each, Done) else each for each in events]


async def text(server: EngineStandIn, model: EasModel, *responses: str) -> str:
    server.pieces = (separated([{"response": each} for each in responses]),)
    return "".join(said.text for said in await answer(model) if isinstance(said, Content))


async def test_the_service_is_described_by_what_its_operator_says(model: EasModel) -> None:
    (described,) = await model.list_models()
    assert (described.name, described.backend, described.digest) == ("m", "eas", DIGEST)
    with pytest.raises(ModelError):
        await model.describe("other")


async def test_the_request_is_the_documented_one(server: EngineStandIn, model: EasModel) -> None:
    await answer(model, options={"temperature": 0.5, "num_predict": 9, "repeat_penalty": 1.1})
    assert server.asked == [
        (
            "/api/predict/llm",
            {
                "prompt": "the canary sings",
                "system_prompt": "",
                "history": [],
                "use_stream_chat": True,
                "temperature": 0.5,
                "max_new_tokens": 9,
            },
            "secret==",
        )
    ]


def test_a_conversation_becomes_pairs() -> None:
    turns = [
        Message("system", "Be brief."),
        Message("user", "a"),
        Message("assistant", "<think>Hm.</think>b"),
        Message("user", "c"),
        Message("user", "d"),
        Message("assistant", "e"),
        Message("assistant", "f"),
        Message("user", "g"),
    ]
    request = build_request(turns, {})
    assert (request["prompt"], request["system_prompt"]) == ("g", "Be brief.")
    assert request["history"] == [["a", "b"], ["c", ""], ["d", "e"], ["", "f"]]


def test_an_answer_cannot_be_gone_on_with() -> None:
    with pytest.raises(ModelError) as caught:
        build_request([*QUESTION, Message("assistant", "Half an")], {})
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        (("Hel", "Hello", "Hello", "Hello you"), "Hello you"),
        (("Hel", "lo", " you"), "Hello you"),
        (("ha", "ha", "ha!"), "ha!"),
        (("ha", "ha", " he"), "haha he"),
        (("Hi", "Hi"), "Hi"),
        (("", "Hi", "", "Hi you"), "Hi you"),
        (("1", "11", "111"), "111"),
    ],
)
async def test_pieces_are_understood_in_either_form(
    server: EngineStandIn, model: EasModel, pieces: tuple[str, ...], whole: str
) -> None:
    assert await text(server, model, *pieces) == whole


async def test_an_answer_may_be_cut_anywhere_and_end_without_a_separator(
    server: EngineStandIn, model: EasModel
) -> None:
    parts = [
        {"response": "<think>Hm.</think>Grüße"},
        {"response": "<think>Hm.</think>Grüße 😀", "usage": {"prompt_tokens": 3}},
    ]
    data = b"\0\0" + separated(parts, ends=False)
    server.pieces = tuple(piece for at in range(len(data)) for piece in (data[at : at + 1], 0.0))
    assert await answer(model) == [Thinking("Hm."), Content("Grüße"), Content(" 😀"), Done("stop", 3, None, 0)]


async def test_an_empty_answer_is_cut_off(server: EngineStandIn, model: EasModel) -> None:
    server.pieces = ()
    assert await answer(model) == [Done("truncated", None, None, 0)]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, b"the canary sings", "model_unavailable"),
        (404, b"", "model_missing"),
        (503, b"", "model_busy"),
        (200, b"not JSON\0", "model_failed"),
        (200, b"[]\0", "model_failed"),
        (200, separated([{"response": "Hel"}, {"response": "Hello"}, {"response": "Bye"}]), "model_failed"),
    ],
)
async def test_every_failure_has_its_name_and_quotes_nothing(
    server: EngineStandIn, model: EasModel, status: int, body: bytes, code: str
) -> None:
    server.status, server.pieces = status, (body,)
    with pytest.raises(ModelError) as caught:
        await answer(model)
    assert caught.value.code == code
    assert "canary" not in str(caught.value)

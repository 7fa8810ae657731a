"""Whatever version of Ollama serves a model that makes vectors, it is known as one, and its vectors are of one form."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from confchat.errors import ModelError
from confchat.llm.ollama import OllamaModel
from tests.confchat.ollama_stand_in import StandIn, serve, show_answer, tag_entry

NAME = "deepseek-r1:70b"


@pytest.fixture
async def server() -> AsyncIterator[StandIn]:
    async with serve(StandIn()) as stand_in:
        yield stand_in


@pytest.fixture
async def model(server: StandIn) -> AsyncIterator[OllamaModel]:
    model = OllamaModel(server.host)
    yield model
    await model.close()


@pytest.mark.parametrize("is_old", [True, False])
async def test_a_model_that_makes_vectors_is_told_from_one_that_chats(
    server: StandIn, model: OllamaModel, is_old: bool
) -> None:
    info = {"general.architecture": "bert", "bert.context_length": 512, "bert.pooling_type": 1}
    server.show = show_answer(capabilities=None if is_old else ["embedding"], model_info=info)
    assert (await model.describe(NAME)).embeds
    assert await model.list_models() == ()


async def test_texts_become_vectors(server: StandIn, model: OllamaModel) -> None:
    assert await model.embed(NAME, ["one", "other"]) == [[3.0, 1.0], [5.0, 1.0]]
    asked = server.asked[-1]
    assert (asked["model"], asked["input"], asked["truncate"]) == (NAME, ["one", "other"], True)
    assert asked["options"] == {"num_ctx": 2032}
    server.tags, server.show = (
        {"models": [tag_entry("m:1", digest="ef" * 32)]},
        show_answer(model_info={"general.architecture": "bert", "bert.context_length": 512, "bert.pooling_type": 1}),
    )
    await model.embed("m:1", ["one"])
    assert server.asked[-1]["options"] == {"num_ctx": 496}


@pytest.mark.parametrize("vector", [None, [], ["x"], 7])
async def test_what_is_no_vector_is_refused(server: StandIn, model: OllamaModel, vector: object) -> None:
    server.vector_of = lambda _text: vector
    with pytest.raises(ModelError) as caught:
        await model.embed(NAME, ["the canary sings"])
    assert (caught.value.code, "canary" in str(caught.value)) == ("model_failed", False)

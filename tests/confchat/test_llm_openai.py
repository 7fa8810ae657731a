"""An endpoint of OpenAI's form answers the same chat, whichever program stands behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
import xllamacpp

from confchat.errors import ModelError
from confchat.llm import Content, Done, Event, Message, ModelDescription, Thinking
from confchat.llm.endpoint import Endpoint, TimeLimits
from confchat.llm.modelstore import ModelStore
from confchat.llm.openai import OpenAiModel
from tests.confchat.engine_stand_in import DIGEST, END, EngineStandIn, event, identify, serve, usage
from tests.product import MODELS

QUESTION = [Message("user", "the canary sings")]


@pytest.fixture
async def server() -> AsyncIterator[EngineStandIn]:
    async with serve(EngineStandIn()) as stand_in:
        yield stand_in


@pytest.fixture
async def model(server: EngineStandIn) -> AsyncIterator[OpenAiModel]:
    model = OpenAiModel(server.endpoint(token="secret"))
    yield model
    await model.close()


async def answer(model: OpenAiModel, messages: list[Message] = QUESTION, **more: Any) -> list[Event]:
    return [said async for said in model.chat("m", messages, **more)]


def untimed(events: list[Event]) -> list[Event]:
    return [replace(each, total_ms=0) if isinstance(each, Done) else each for each in events]


async def test_what_is_served_is_described_by_the_digest_of_its_files(model: OpenAiModel) -> None:
    assert await model.list_models() == (
        ModelDescription(
            name="m",
            digest=DIGEST,
            backend="vllm/0.11.0",
            context_length=4096,
            thinks=False,
            simulated_thinking=False,
            size=12,
        ),
    )


@pytest.mark.parametrize(
    ("entry", "pages", "backend", "context"),
    [
        ({"owned_by": "sglang", "max_model_len": 8}, {"/get_server_info": {"version": "0.5"}}, "sglang/0.5", 8),
        ({"owned_by": "llamacpp", "meta": {"n_ctx_train": 9}}, {"/props": {"build_info": "b1"}}, "llamacpp/b1", 9),
        ({"owned_by": "llamacpp"}, {}, "llamacpp", None),
        ({"owned_by": "somebody"}, {}, "openai", None),
        ({}, {}, "openai", None),
    ],
)
async def test_each_program_says_its_version_where_it_does(
    server: EngineStandIn, model: OpenAiModel, entry: dict[str, Any], pages: Any, backend: str, context: int | None
) -> None:
    server.pages = {"/v1/models": {"data": [{"id": "m", **entry}]}, **pages}
    described = await model.describe("m")
    assert (described.backend, described.context_length) == (backend, context)


async def test_an_answer_is_streamed_with_its_thinking_apart(server: EngineStandIn, model: OpenAiModel) -> None:
    server.pieces = (
        b": keep-alive\r\n\r\n",
        event(role="assistant", content=""),
        event(reasoning_content="Hm. "),
        event(reasoning="So."),
        event("Hi \ud83d\ude00"),
        event(reason="stop"),
        usage(7, 2),
        END,
    )
    expected = [Thinking("Hm. "), Thinking("So."), Content("Hi 😀"), Done("stop", 7, 2, 0)]
    assert untimed(await answer(model)) == expected
    path, asked, token = server.asked[0]
    assert (path, token) == ("/v1/chat/completions", "Bearer secret")
    assert (asked["stream"], asked["messages"]) == (True, [{"role": "user", "content": "the canary sings"}])


async def test_thinking_that_is_written_into_the_answer_is_told_apart(
    server: EngineStandIn, model: OpenAiModel
) -> None:
    server.pieces = (event("<thi"), event("nk>Hm.</think>"), event("Hi"), event(reason="length"), END)
    assert untimed(await answer(model)) == [Thinking("Hm."), Content("Hi"), Done("length", None, None, 0)]


async def test_options_go_by_the_names_of_their_program(server: EngineStandIn, model: OpenAiModel) -> None:
    await answer(model, options={"num_predict": 9, "repeat_penalty": 1.1, "top_k": 5, "num_ctx": 4096, "stop": ["x"]})
    asked = server.asked[0][1]
    assert (asked["max_tokens"], asked["repetition_penalty"], asked["top_k"], asked["stop"]) == (9, 1.1, 5, ["x"])
    assert "num_ctx" not in asked


async def test_an_answer_is_gone_on_with(server: EngineStandIn, model: OpenAiModel) -> None:
    await answer(model, [*QUESTION, Message("assistant", "<think>Hm.</think>Half an")])
    asked = server.asked[0][1]
    assert asked["messages"][-1]["content"] == "Half an"
    assert (asked["continue_final_message"], asked["add_generation_prompt"]) == (True, False)


async def test_an_answer_that_breaks_off_says_so(server: EngineStandIn, model: OpenAiModel) -> None:
    server.pieces = (event("Half an"),)
    assert untimed(await answer(model)) == [Content("Half an"), Done("truncated", None, None, 0)]
    server.breaks_off = True
    with pytest.raises(ModelError) as caught:
        await answer(model)
    assert caught.value.code == "model_unavailable"


@pytest.mark.parametrize(
    ("status", "pieces", "code"),
    [
        (404, (b"{}",), "model_missing"),
        (400, (b'{"error":{"message":"the canary sings"}}',), "model_failed"),
        (401, (b"no",), "model_unavailable"),
        (503, (b"no",), "model_busy"),
        (302, (b"",), "model_unavailable"),
        (200, (b'data: {"error":{"message":"the canary sings"}}\n\n',), "model_failed"),
        (200, (b"data: not JSON\n\n",), "model_failed"),
        (200, (b'data: {"choices":7}\n\n',), "model_failed"),
        (200, (b'data: {"choices":[7]}\n\n',), "model_failed"),
    ],
)
async def test_every_failure_has_its_name_and_quotes_nothing(
    server: EngineStandIn, model: OpenAiModel, status: int, pieces: tuple[bytes, ...], code: str
) -> None:
    server.status, server.pieces = status, pieces
    with pytest.raises(ModelError) as caught:
        await answer(model)
    assert caught.value.code == code
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("pages", [{"/v1/models": {"data": []}}, {"/v1/models": {"data": 1}}, {"/v1/models": []}, {}])
async def test_what_does_not_serve_it_is_refused(
    server: EngineStandIn, model: OpenAiModel, pages: dict[str, Any]
) -> None:
    server.pages = pages
    with pytest.raises(ModelError):
        await model.describe("m")


async def test_another_model_of_the_endpoint_is_not_offered(server: EngineStandIn, model: OpenAiModel) -> None:
    server.pages["/v1/models"]["data"].append({"id": "adapter"})
    with pytest.raises(ModelError) as caught:
        await model.describe("adapter")
    assert caught.value.code == "model_missing"
    with pytest.raises(ModelError) as refused:
        await anext(model.pull("other"))
    assert refused.value.code == "unsupported"


async def test_closing_an_answer_frees_the_model(server: EngineStandIn, model: OpenAiModel) -> None:
    server.pieces = (event("Hi"), 30.0)
    async with aclosing(model.chat("m", QUESTION)) as events:
        assert await anext(events) == Content("Hi")
    async with asyncio.timeout(5):
        await server.freed.wait()


async def test_a_server_that_falls_silent_is_given_up(server: EngineStandIn) -> None:
    model = OpenAiModel(server.endpoint(), limits=TimeLimits(between_tokens_s=0.1))
    server.pieces = (event("Hi"), 30.0)
    with pytest.raises(ModelError, match="in time"):
        await answer(model)
    await model.close()


@pytest.fixture
def llama_cpp() -> Iterator[str]:
    """The server of llama.cpp itself, with the small model."""
    if not MODELS.is_dir():
        pytest.skip("no small model: make run")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(ModelStore(MODELS).find("smollm2:135m").weights)
    parameters.model_alias = {"small"}
    parameters.n_ctx, parameters.n_parallel, parameters.warmup, parameters.verbosity = 512, 1, False, -1
    parameters.cpuparams.n_threads = 1
    server = xllamacpp.Server(parameters)
    yield server.listening_address
    del server


async def test_the_server_of_llama_cpp_answers(llama_cpp: str) -> None:
    model = OpenAiModel(Endpoint(url=llama_cpp, model="small", identify=identify), limits=TimeLimits(description_s=60))
    described = await model.describe("small")
    assert described.backend.startswith("llamacpp/")
    assert described.context_length == 512
    options = {"num_predict": 4, "temperature": 0.0, "repeat_penalty": 1.1}
    events = [said async for said in model.chat("small", [Message("user", "Say hello.")], options=options)]
    assert any(isinstance(said, Content) for said in events)
    assert isinstance(events[-1], Done)
    assert events[-1].completion_tokens == 4
    going_on = [Message("user", "Count to five."), Message("assistant", "One, two,")]
    assert isinstance([said async for said in model.chat("small", going_on, options=options)][-1], Done)
    await model.close()


async def test_images_go_as_data_uris_beside_the_text(server: EngineStandIn, model: OpenAiModel) -> None:
    await answer(model, [Message("user", "What is it?", (b"jpeg",))])
    content = server.asked[0][1]["messages"][0]["content"]
    assert content == [
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,anBlZw=="}},
        {"type": "text", "text": "What is it?"},
    ]


@pytest.mark.parametrize(
    ("owner", "pages", "told", "sees"),
    [
        ("llamacpp", {"/props": {"modalities": {"vision": True}}}, None, True),
        ("llamacpp", {"/props": {"modalities": {"vision": False}}}, None, False),
        ("llamacpp", {"/props": {"modalities": {"vision": True}}}, False, False),
        ("llamacpp", {"/props": {"modalities": 7}}, None, False),
        ("sglang", {"/get_model_info": {"has_image_understanding": True}}, None, True),
        ("sglang", {}, None, False),
        ("vllm", {}, None, False),
        ("vllm", {}, True, True),
    ],
)
async def test_whether_a_model_sees_is_asked_or_told(
    server: EngineStandIn, owner: str, pages: Any, told: bool | None, sees: bool
) -> None:
    server.pages = {"/v1/models": {"data": [{"id": "m", "owned_by": owner}]}, **pages}
    model = OpenAiModel(server.endpoint(sees=told))
    assert (await model.describe("m")).sees is sees
    await model.close()


async def test_vectors_come_in_the_order_of_their_texts(server: EngineStandIn) -> None:
    server.pages["/v1/models"]["data"].append({"id": "e", "owned_by": "vllm"})
    server.pages["/v1/embeddings"] = {"data": [{"index": 1, "embedding": [3, 4]}, {"index": 0, "embedding": [1, 2]}]}
    model = OpenAiModel(server.endpoint(embedding="e"))
    assert (await model.describe("e")).embeds
    assert [each.name for each in await model.list_models()] == ["m"]
    assert await model.embed("e", ["one", "other"]) == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(ModelError):
        await model.embed("e", ["one", "other", "more"])
    await model.close()

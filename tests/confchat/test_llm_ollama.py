"""Answers come out the same whatever version of Ollama gives them, and each of its failures has its name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from confchat.errors import ModelError
from confchat.llm import Content, Done, Event, Message, ModelDescription, Thinking
from confchat.llm.ollama import OllamaModel, TimeLimits
from tests.confchat.ollama_stand_in import DIGEST, StandIn, last_line, line, serve, show_answer, tag_entry

NAME = "deepseek-r1:70b"
QUESTION = [Message("user", "the canary sings")]
ANSWER = [Content("Hi"), Done("stop", 26, 282, 4883)]


@pytest.fixture
async def server() -> AsyncIterator[StandIn]:
    async with serve(StandIn()) as stand_in:
        yield stand_in


@pytest.fixture
async def model(server: StandIn) -> AsyncIterator[OllamaModel]:
    model = OllamaModel(server.host)
    yield model
    await model.close()


async def answer(model: OllamaModel, *, messages: list[Message] = QUESTION, **more: Any) -> list[Event]:
    return [event async for event in model.chat(NAME, messages, **more)]


async def failure(model: OllamaModel, name: str = NAME) -> ModelError:
    with pytest.raises(ModelError) as caught:
        async for _ in model.chat(name, QUESTION):
            pass
    return caught.value


def make_0_5_7(server: StandIn) -> None:
    server.version = {"version": "0.5.7"}
    server.show = show_answer()


async def test_a_model_is_described(model: OllamaModel) -> None:
    assert await model.describe(NAME) == ModelDescription(
        name=NAME,
        digest=f"sha256:{DIGEST}",
        backend="ollama/0.12.6",
        context_length=131072,
        thinks=True,
        simulated_thinking=False,
        size=42520412561,
        parameter_size="70.6B",
        quantization="Q4_K_M",
        efforts=("off", "on"),
    )


async def test_a_model_of_0_5_7_is_described(server: StandIn, model: OllamaModel) -> None:
    make_0_5_7(server)
    described = await model.describe(NAME)
    assert (described.backend, described.thinks) == ("ollama/0.5.7", True)


@pytest.mark.parametrize("name", ["smollm2", "smollm2:latest", "library/smollm2", "registry.ollama.ai/library/smollm2"])
async def test_a_name_without_tag_or_registry_is_found(server: StandIn, model: OllamaModel, name: str) -> None:
    server.tags = {"models": [tag_entry("smollm2:latest")]}
    assert (await model.describe(name)).name == "smollm2:latest"


async def test_simulated_thinking_is_told(server: StandIn, model: OllamaModel) -> None:
    server.version = {"version": "1.2", "server": "xllamacpp"}
    server.show = show_answer(capabilities=["completion", "thinking"], details={"simulated_thinking": True})
    described = await model.describe(NAME)
    assert (described.backend, described.simulated_thinking) == ("xllamacpp/1.2", True)


async def test_only_models_that_chat_in_this_machine_are_listed(server: StandIn, model: OllamaModel) -> None:
    server.tags = {
        "models": [
            tag_entry("qwen3:8b"),
            tag_entry("gpt-oss:120b-cloud"),
            tag_entry("mine:latest", remote_host="https://ollama.com:443", remote_model="theirs"),
            tag_entry("hf.co/unsloth/some-gguf:Q4_K_M"),
        ]
    }
    assert [described.name for described in await model.list_models()] == ["hf.co/unsloth/some-gguf:Q4_K_M", "qwen3:8b"]
    server.show = show_answer(capabilities=["embedding"])
    server.tags = {"models": [tag_entry("nomic-embed-text:latest")]}
    assert await model.list_models() == ()


async def test_what_a_digest_can_do_is_asked_once(server: StandIn, model: OllamaModel) -> None:
    await model.describe(NAME)
    await model.describe(NAME)
    await answer(model)
    assert server.paths.count("/api/show") == 1
    server.tags = {"models": [tag_entry(NAME, digest="1" * 64)]}
    await model.describe(NAME)
    assert server.paths.count("/api/show") == 2


async def test_an_answer_with_the_thinking_field_is_streamed(server: StandIn, model: OllamaModel) -> None:
    server.pieces = (line(thinking="Hm. "), line(thinking="So."), line("Hi"), line(" you"), last_line())
    assert await answer(model, options={"temperature": 0.2}) == [
        Thinking("Hm. "),
        Thinking("So."),
        Content("Hi"),
        Content(" you"),
        Done("stop", 26, 282, 4883),
    ]
    asked = server.asked[0]
    assert (asked["think"], asked["stream"], asked["options"]) == (True, True, {"temperature": 0.2})
    assert asked["messages"] == [{"role": "user", "content": "the canary sings"}]


async def test_thinking_inside_content_is_told_apart(server: StandIn, model: OllamaModel) -> None:
    make_0_5_7(server)
    pieces = ["<", "think", ">\n", "Well", ".</", "think>", "\n\n", "Hi"]
    server.pieces = (*map(line, pieces), last_line())
    assert await answer(model) == [Thinking("Well"), Thinking("."), *ANSWER]
    assert "think" not in server.asked[0]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
async def test_lines_cut_at_any_byte_are_put_together(server: StandIn, model: OllamaModel, size: int) -> None:
    whole = line("<think>é🙂") + line("\x85</think>") + line("a\u2028b\u2029c\x85d") + last_line("!")
    server.pieces = tuple(whole[start : start + size] for start in range(0, len(whole), size))
    events = await answer(model)
    assert events == [Thinking("é🙂"), Thinking("\x85"), Content("a\u2028b\u2029c\x85d"), Content("!"), events[-1]]


async def test_think_is_not_sent_to_a_model_that_cannot(server: StandIn, model: OllamaModel) -> None:
    server.show = show_answer(capabilities=["completion"])
    assert await answer(model) == ANSWER
    assert "think" not in server.asked[0]


async def test_earlier_answers_are_sent_without_their_thinking(server: StandIn, model: OllamaModel) -> None:
    messages = [
        Message("user", "<think>mine</think>"),
        Message("assistant", "<think>hm</think>\n\nFour."),
        Message("user", "?"),
    ]
    await answer(model, messages=messages)
    assert [message["content"] for message in server.asked[0]["messages"]] == ["<think>mine</think>", "Four.", "?"]


async def test_counts_that_are_zero_and_so_absent_are_unknown(server: StandIn, model: OllamaModel) -> None:
    server.pieces = (line("Hi"), line(done=True, done_reason="length"))
    done = (await answer(model))[-1]
    assert isinstance(done, Done)
    assert (done.reason, done.prompt_tokens, done.completion_tokens) == ("length", None, None)
    assert 0 <= done.total_ms < 5000


@pytest.mark.parametrize("pieces", [(line("Hi"),), (line("Hi"), line("</think"))], ids=["plain", "held back"])
async def test_a_stream_without_an_end_is_truncated(
    server: StandIn, model: OllamaModel, pieces: tuple[bytes, ...]
) -> None:
    server.pieces = pieces
    done = (await answer(model))[-1]
    assert isinstance(done, Done)
    assert done.reason == "truncated"


async def test_what_was_held_back_comes_before_the_end(server: StandIn, model: OllamaModel) -> None:
    server.pieces = (line("<thi"), last_line())
    assert await answer(model) == [Content("<thi"), ANSWER[1]]


ERRORS = {
    "missing": (404, 'model "deepseek-r1:70b" not found, try pulling it first', "model_missing", False),
    "missing now": (404, "model 'deepseek-r1:70b' not found", "model_missing", False),
    "busy": (503, "server busy, please try again.  maximum pending requests exceeded", "model_busy", True),
    "busy otherwise": (503, "overloaded", "model_busy", True),
    "memory": (500, "model requires more system memory (40.2 GiB) than is available", "model_failed", True),
    "runner": (500, "llama runner process has terminated: exit status 2", "model_failed", True),
    "bad request": (400, "invalid options: temperature", "model_failed", False),
    "bad option of 0.5.7": (500, 'option "temperature" must be of type float32', "model_failed", False),
    "replaced": (400, '"deepseek-r1:70b" does not support thinking', "model_failed", True),
    "no chat": (400, '"deepseek-r1:70b" does not support chat', "model_failed", False),
    "too long": (400, "the input length exceeds the context length", "model_failed", False),
    "left": (499, "request cancelled", "model_unavailable", True),
    "proxy": (302, "elsewhere", "model_unavailable", True),
    "anything": (500, "the canary sings", "model_failed", True),
}


@pytest.mark.parametrize(("status", "words", "code", "retry"), ERRORS.values(), ids=ERRORS)
async def test_an_error_before_the_answer_has_its_code(
    server: StandIn, model: OllamaModel, status: int, words: str, code: str, retry: bool
) -> None:
    server.status, server.error = status, words
    error = await failure(model)
    assert (error.code, error.retry) == (code, retry)
    assert "canary" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


async def test_an_error_line_before_and_within_an_answer_ends_it(server: StandIn, model: OllamaModel) -> None:
    server.pieces = (b'{"error":"llama runner process no longer running"}\n',)
    assert (await failure(model)).code == "model_failed"
    server.pieces = (line("Hi"), b'{"error":"an error was encountered while running the model: the canary sings"}\n')
    events = model.chat(NAME, QUESTION)
    assert await anext(events) == Content("Hi")
    with pytest.raises(ModelError) as caught:
        await anext(events)
    assert (caught.value.code, caught.value.retry) == ("model_failed", True)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("garbage", [b"<html>\n", b"[1]\n", b"7\n", b'{"message": 3}\n'])
async def test_a_line_that_is_not_ollamas_ends_the_answer(server: StandIn, model: OllamaModel, garbage: bytes) -> None:
    server.pieces = (line("Hi"), garbage)
    assert (await failure(model)).code == "model_failed"


async def test_half_a_surrogate_pair_becomes_a_replacement_character(server: StandIn, model: OllamaModel) -> None:
    server.pieces = (b'{"message":{"role":"assistant","content":"a\\ud83d"},"done":true}\n',)
    assert (await answer(model))[0] == Content("a\ufffd")


async def test_a_prompt_that_is_no_text_is_refused(model: OllamaModel) -> None:
    with pytest.raises(ModelError) as caught:
        await answer(model, messages=[Message("user", "\ud83d")])
    assert caught.value.code == "model_failed"


async def test_a_line_without_end_is_not_gathered_without_end(server: StandIn, model: OllamaModel) -> None:
    server.pieces = (b"x" * 1024 * 1024 for _ in range(64))
    assert (await failure(model)).code == "model_unavailable"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("tags", {}),
        ("tags", []),
        ("tags", {"models": [3]}),
        ("tags", {"models": [tag_entry(NAME, digest="beef")]}),
        ("tags", {"models": [tag_entry(NAME, size="big")]}),
        ("version", {}),
        ("show", 7),
        ("show", {"capabilities": 5}),
    ],
)
async def test_a_description_that_is_not_ollamas_is_refused(
    server: StandIn, model: OllamaModel, member: str, value: object
) -> None:
    setattr(server, member, value)
    with pytest.raises(ModelError) as caught:
        await model.describe(NAME)
    assert caught.value.code == "model_failed"


async def test_a_server_that_breaks_off_is_told_from_one_that_ends(server: StandIn, model: OllamaModel) -> None:
    server.pieces, server.breaks_off = (line("Hi"), 0.01), True
    assert (await failure(model)).code == "model_unavailable"


async def test_nothing_listening_is_unavailable(unused_tcp_port: int) -> None:
    model = OllamaModel(f"127.0.0.1:{unused_tcp_port}")
    with pytest.raises(ModelError) as caught:
        await model.describe(NAME)
    await model.close()
    assert (caught.value.code, caught.value.retry) == ("model_unavailable", True)


async def test_a_model_that_is_not_there_is_named_with_its_command(model: OllamaModel) -> None:
    for error in (await failure(model, "llama3.2"), await failure(model, "llama3.2:latest")):
        assert error.code == "model_missing"
        assert "ollama pull llama3.2" in str(error)


@pytest.mark.parametrize("name", ["", "x y", "x;reboot", "$(x)", "x:", "-x", "../x\n", "x" * 500])
async def test_what_is_no_name_is_not_asked_for(server: StandIn, model: OllamaModel, name: str) -> None:
    assert (await failure(model, name)).code == "model_missing"
    assert server.paths == []


@pytest.mark.parametrize("name", ["gpt-oss:cloud", "gpt-oss:120b-cloud", "gpt-oss:120b-CLOUD", "me/x:cloud"])
async def test_a_model_of_the_cloud_is_never_asked(server: StandIn, model: OllamaModel, name: str) -> None:
    server.tags = {"models": [tag_entry(name)]}
    assert "outside this machine" in str(await failure(model, name))
    assert server.asked == []


async def test_a_model_that_points_elsewhere_is_never_asked(server: StandIn, model: OllamaModel) -> None:
    server.tags = {"models": [tag_entry(NAME, remote_host="https://ollama.com:443")]}
    assert "outside this machine" in str(await failure(model))
    assert server.asked == []


async def test_a_redirection_is_not_followed(server: StandIn, model: OllamaModel) -> None:
    server.status = 307
    assert (await failure(model)).code == "model_unavailable"
    assert len(server.asked) == 1


async def test_closing_the_answer_frees_the_model_at_once(server: StandIn, model: OllamaModel) -> None:
    server.pieces = (line("Hi"), 30.0)
    async with aclosing(model.chat(NAME, QUESTION)) as events:
        assert await anext(events) == Content("Hi")
    async with asyncio.timeout(0.5):
        await server.freed.wait()


async def test_cancelling_the_reader_frees_the_model_at_once(server: StandIn, model: OllamaModel) -> None:
    server.pieces = (line("Hi"), 30.0)
    reading = asyncio.create_task(answer(model))
    while not server.asked:
        await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    async with asyncio.timeout(0.5):
        await server.freed.wait()


@pytest.mark.parametrize("pieces", [(5.0,), (line("Hi"), 5.0)], ids=["before the first token", "between tokens"])
async def test_a_silent_model_is_given_up(server: StandIn, pieces: tuple[bytes | float, ...]) -> None:
    server.pieces = pieces
    model = OllamaModel(server.host, limits=TimeLimits(first_token_s=0.2, between_tokens_s=0.1))
    started = time.monotonic()
    error = await failure(model)
    await model.close()
    assert (error.code, error.retry) == ("model_unavailable", True)
    assert time.monotonic() - started < 2
    async with asyncio.timeout(0.5):
        await server.freed.wait()


async def test_a_replaced_model_is_asked_anew(server: StandIn, model: OllamaModel) -> None:
    assert await answer(model) == ANSWER
    server.tags = {"models": [tag_entry(NAME, digest="2" * 64)]}
    server.show = show_answer(capabilities=["completion"])
    server.status, server.error = 400, f'"{NAME}" does not support thinking'
    assert (await failure(model)).retry
    server.status, server.error = 200, None
    assert await answer(model) == ANSWER
    assert "think" not in server.asked[-1]


@pytest.mark.parametrize(
    ("family", "efforts", "effort", "think"),
    [
        ("llama", ("off", "on"), None, True),
        ("llama", ("off", "on"), "off", False),
        ("llama", ("off", "on"), "high", True),
        ("gptoss", ("low", "medium", "high"), "high", "high"),
        ("gptoss", ("low", "medium", "high"), None, True),
    ],
)
async def test_a_model_is_told_how_much_to_think_in_the_words_that_it_has(
    server: StandIn, model: OllamaModel, family: str, efforts: tuple[str, ...], effort: str | None, think: object
) -> None:
    server.tags["models"][0]["details"]["family"] = family
    assert (await model.describe(NAME)).efforts == efforts
    await answer(model, effort=effort)
    assert server.asked[-1]["think"] == think


async def test_a_model_is_listed_with_its_size_its_eyes_and_whether_it_is_in_memory(
    server: StandIn, model: OllamaModel
) -> None:
    server.show = show_answer(capabilities=["completion", "vision"])
    (known,) = await model.list_models()
    assert (known.parameter_size, known.quantization, known.sees, known.is_loaded) == ("70.6B", "Q4_K_M", True, False)
    server.loaded = {"models": [tag_entry(NAME)]}
    (known,) = await model.list_models()
    assert (known.is_loaded, known.efforts) == (True, ())

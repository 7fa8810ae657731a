"""The development server is to the unmodified `ollama` client what Ollama is, and to our own door as well."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import ollama
import pytest

from confchat.errors import ModelError
from confchat.llm import Content, Done, Message, Thinking
from confchat.llm.devmodel import NAME
from confchat.llm.modelstore import WEIGHTS_TYPE, ModelStore
from confchat.llm.ollama import OllamaModel
from tests.model_process import run_model_server
from tests.product import ROOT

QUESTION = [{"role": "user", "content": "Name a colour."}]
SHORT: dict[str, Any] = {"num_predict": 8, "seed": 1}


@pytest.fixture
async def client(model_server: str) -> AsyncIterator[ollama.AsyncClient]:
    async with ollama.AsyncClient(model_server) as client:
        yield client


@pytest.fixture
async def raw(model_server: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{model_server}", trust_env=False, timeout=60) as raw:
        yield raw


async def test_the_model_is_listed_with_the_digest_of_its_manifest(
    client: ollama.AsyncClient, model_directory: Path
) -> None:
    model = (await client.list()).models[0]
    stored = ModelStore(model_directory).find(NAME)
    assert (model.model, model.digest, model.size) == (NAME, stored.digest, stored.size)
    assert model.details is not None
    assert (model.details.family, model.details.quantization_level) == ("llama", "Q4_1")


async def test_the_model_is_shown(client: ollama.AsyncClient, raw: httpx.AsyncClient) -> None:
    shown = await client.show(NAME)
    assert shown.capabilities == ["completion", "thinking"]
    assert shown.modelinfo is not None
    assert shown.modelinfo["llama.context_length"] == 8192
    assert "<|im_start|>" in (shown.template or "")
    assert (await raw.post("/api/show", json={"name": NAME})).json()["details"]["simulated_thinking"] is True


async def test_the_loaded_model_is_told(client: ollama.AsyncClient) -> None:
    running = (await client.ps()).models
    assert [(model.model, model.context_length) for model in running] == [(NAME, 8192)]


async def test_an_answer_is_streamed_with_thinking_first(client: ollama.AsyncClient) -> None:
    parts = [part async for part in await client.chat(NAME, QUESTION, stream=True, think=True, options=SHORT)]
    kinds = ["thinking" if part.message.thinking else "content" for part in parts[:-1]]
    assert kinds == sorted(kinds, reverse=True)
    assert set(kinds) == {"thinking", "content"}
    last = parts[-1]
    assert (last.done, last.done_reason, last.message.content) == (True, "length", "")
    assert (last.eval_count or 0) > SHORT["num_predict"]
    assert last.total_duration is not None
    assert last.prompt_eval_count is not None


async def test_thinking_can_be_refused(client: ollama.AsyncClient) -> None:
    parts = [part async for part in await client.chat(NAME, QUESTION, stream=True, think=False, options=SHORT)]
    assert not any(part.message.thinking for part in parts)
    assert parts[-1].eval_count == SHORT["num_predict"]


async def test_without_a_stream_the_answer_comes_whole(client: ollama.AsyncClient) -> None:
    whole = await client.chat(NAME, QUESTION, think=True, options=SHORT)
    assert whole.done
    assert whole.message.content
    assert whole.message.thinking


async def test_options_are_the_models_unless_they_are_given(client: ollama.AsyncClient) -> None:
    options = {**SHORT, "temperature": 0.0, "num_ctx": 8192, "unknown": "ignored"}
    first = await client.chat(NAME, QUESTION, think=False, options=options)
    second = await client.chat(NAME, QUESTION, think=False, options=options)
    assert first.message.content == second.message.content
    stopped = await client.chat(NAME, QUESTION, think=False, options={**options, "stop": [" "]})
    assert " " not in (stopped.message.content or "").strip()


async def test_a_model_that_is_not_there_is_404(client: ollama.AsyncClient, raw: httpx.AsyncClient) -> None:
    for asked in (client.chat("nothing", QUESTION), client.show("nothing")):
        with pytest.raises(ollama.ResponseError) as caught:
            await asked
        assert caught.value.status_code == 404
        assert caught.value.error == "model 'nothing' not found"
    assert (await raw.post("/api/pull", json={"model": NAME})).status_code == 404


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "missing request body"),
        (b"{", "invalid JSON"),
        (b"[]", "not an object"),
        (b"{}", "model is required"),
        (b'{"model":7}', "cannot unmarshal"),
        (b'{"model":"x","messages":[{"role":"judge","content":"x"}]}', "invalid role"),
        (b'{"model":"x","messages":["x"]}', "invalid role"),
        (b'{"model":"x","options":{"temperature":"hot"}}', 'option "temperature" must be of type float32'),
        (b'{"model":"x","options":{"seed":true}}', 'option "seed" must be of type integer'),
        (b'{"model":"x","think":7}', "think must be a boolean or string"),
        (b'{"model":"x","tools":[{}]}', "does not support tools"),
        (b'{"model":"smollm2:135m","keep_alive":"soon"}', "invalid duration"),
    ],
)
async def test_a_bad_request_is_400(raw: httpx.AsyncClient, body: bytes, words: str) -> None:
    response = await raw.post("/api/chat", content=body)
    assert response.status_code == 400
    assert words in response.json()["error"]


async def test_a_prompt_beyond_the_context_is_refused(model_server: str) -> None:
    model = OllamaModel(model_server)
    with pytest.raises(ModelError) as caught:
        async for _ in model.chat(NAME, [Message("user", "a b c " * 9000)]):
            pass
    await model.close()
    assert (caught.value.code, caught.value.retry) == ("model_failed", False)
    assert "too long" in str(caught.value)


async def test_a_page_of_another_site_is_refused(raw: httpx.AsyncClient) -> None:
    for headers in ({"Host": "evil.example"}, {"Host": ""}, {"Origin": "https://evil.example"}):
        assert (await raw.get("/api/tags", headers=headers)).status_code == 403
    for host in ("localhost:11435", "127.0.0.1", "[::1]:11435"):
        assert (await raw.get("/api/tags", headers={"Host": host})).status_code == 200


async def test_a_body_without_end_is_refused(raw: httpx.AsyncClient) -> None:
    assert (await raw.post("/api/chat", content=b" " * (16 * 1024 * 1024 + 1))).status_code == 413


async def test_our_own_door_reads_it_all(model_server: str) -> None:
    model = OllamaModel(model_server)
    described = await model.describe(NAME)
    assert (described.thinks, described.simulated_thinking, described.context_length) == (True, True, 8192)
    assert described.backend.startswith("xllamacpp/")
    assert [replace(listed, is_loaded=None) for listed in await model.list_models()] == [described]
    events = [event async for event in model.chat(NAME, [Message("user", "Hello!")], options=SHORT)]
    assert [type(event) for event in (events[0], events[-2], events[-1])] == [Thinking, Content, Done]
    await model.close()


async def test_several_answers_are_streamed_at_once(model_server: str) -> None:
    model = OllamaModel(model_server)

    async def read(number: int) -> list[float]:
        messages = [Message("user", f"What is {number}?")]
        return [time.monotonic() async for _ in model.chat(NAME, messages, options={"num_predict": 16})]

    times = await asyncio.gather(*(read(number) for number in range(4)))
    await model.close()
    assert max(each[0] for each in times) < min(each[-1] for each in times)


async def test_leaving_in_the_middle_stops_the_model(model_server: str, raw: httpx.AsyncClient) -> None:
    model = OllamaModel(model_server)
    for _ in range(8):  # twice as many as are run at once: were they not stopped, the next would wait for them
        messages = [Message("user", "Tell a very long story.")]
        async with aclosing(model.chat(NAME, messages, options={"num_predict": 4000})) as events:
            await anext(events)
    started = time.monotonic()
    await raw.post("/api/chat", json={"model": NAME, "messages": QUESTION, "stream": False, "options": SHORT})
    await model.close()
    assert time.monotonic() - started < 60  # the stories would take minutes


async def test_a_model_is_unloaded_when_it_is_not_to_be_kept(model_directory: Path) -> None:
    with run_model_server(model_directory) as (host, process):
        async with ollama.AsyncClient(host) as client:
            before = memory_kib(process)
            answer = await client.chat(NAME, QUESTION, think=False, options=SHORT, keep_alive=0)
            assert answer.message.content
            async with asyncio.timeout(10):
                while (await client.ps()).models:
                    await asyncio.sleep(0.05)
            assert memory_kib(process) < before - 90 * 1024
            loaded = await client.chat(NAME, [], keep_alive="5m")
            assert loaded.done_reason == "load"
            assert [model.model for model in (await client.ps()).models] == [NAME]
            assert (await client.chat(NAME, [], keep_alive=0)).done_reason == "unload"


async def test_a_server_that_dies_ends_the_answer_with_an_error(model_directory: Path) -> None:
    with run_model_server(model_directory) as (host, process):
        model = OllamaModel(host)
        events = model.chat(NAME, [Message("user", "Tell a very long story.")])
        await anext(events)
        process.kill()
        with pytest.raises(ModelError) as caught:
            async for _ in events:
                pass
        await model.close()
    assert (caught.value.code, caught.value.retry) == ("model_unavailable", True)


async def test_a_server_without_models_says_so(tmp_path: Path) -> None:
    with run_model_server(tmp_path) as (host, _):
        model = OllamaModel(host)
        assert await model.list_models() == ()
        with pytest.raises(ModelError, match="ollama pull smollm2:135m"):
            await model.describe(NAME)
        await model.close()


def test_a_model_that_cannot_be_loaded_is_named(model_directory: Path, tmp_path: Path) -> None:
    weights = ModelStore(model_directory).find(NAME).weights
    with weights.open("rb") as file:
        head = file.read(4 * 1024 * 1024)
    store, digest = ModelStore(tmp_path), f"sha256:{hashlib.sha256(head).hexdigest()}"
    store.add_blob([head], digest=digest)
    store.write_manifest("cut:1b", config=store.add_json({}), layers={WEIGHTS_TYPE: (digest, len(head))})
    result = subprocess.run(
        [sys.executable, "-m", "confchat.llm.devserver", "--models", str(tmp_path)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.returncode == 1
    assert "The model cut:1b was not loaded: the model file cannot be loaded" in result.stderr


def test_only_loopback_addresses_are_served(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "confchat.llm.devserver", "--models", str(tmp_path)]
    result = subprocess.run(
        [*command, "--host", "0.0.0.0"],  # that it is refused is the point
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.returncode == 2
    assert "only loopback addresses" in result.stderr


def test_no_django_is_imported() -> None:
    code = "import confchat.llm.devserver, sys, json; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=30)
    assert not [name for name in json.loads(result.stdout) if name.partition(".")[0] in ("django", "attestation")]


def memory_kib(process: subprocess.Popen[bytes]) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])

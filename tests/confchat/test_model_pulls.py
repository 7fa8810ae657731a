"""Fetching a model: one at a time, watched, ended on demand and where there is no room, with faults in words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from confchat.errors import ModelError
from confchat.llm.ollama import OllamaModel
from confchat.model_pulls import RESERVE_BYTES, ModelPulls, free_bytes
from tests.confchat.ollama_stand_in import StandIn, serve

NAME = "deepseek-r1:70b"
GIGABYTE = 10**9


def step(**members: Any) -> bytes:
    return json.dumps(members).encode() + b"\n"


def layer(done: int, total: int, digest: str = "sha256:aa") -> bytes:
    return step(status="pulling aa", digest=digest, completed=done, total=total)


@pytest.fixture
async def server() -> AsyncIterator[StandIn]:
    async with serve(StandIn()) as stand_in:
        yield stand_in


async def pulls_of(server: StandIn, *, free: int | None = 100 * GIGABYTE) -> tuple[OllamaModel, ModelPulls]:
    model = OllamaModel(server.host)
    return model, ModelPulls(model, free_bytes=lambda: free)


async def test_a_pull_counts_all_its_layers_and_ends_when_the_model_is_there(server: StandIn) -> None:
    server.pieces = (
        step(status="pulling manifest"),
        layer(1, 10),
        layer(10, 10),
        layer(5, 5, "sha256:bb"),
        step(status="success"),
    )
    model, pulls = await pulls_of(server)
    pulls.start(NAME)
    with pytest.raises(ModelError) as refused:
        pulls.start("other:1b")
    await pulls.wait()
    await model.close()
    assert refused.value.code == "model_busy"
    assert pulls.current is not None
    assert (pulls.current.state, pulls.current.done_bytes, pulls.current.total_bytes) == ("done", 15, 15)


async def test_a_pull_ends_where_what_is_to_come_has_no_room(server: StandIn) -> None:
    server.pieces = (layer(0, 42 * GIGABYTE), 30.0)
    model, pulls = await pulls_of(server, free=42 * GIGABYTE)
    pulls.start(NAME)
    await pulls.wait()
    await model.close()
    assert pulls.current is not None
    assert (pulls.current.state, pulls.current.code) == ("failed", "no_space")


async def test_a_full_disk_begins_no_pull(server: StandIn) -> None:
    model, pulls = await pulls_of(server, free=RESERVE_BYTES - 1)
    with pytest.raises(ModelError) as refused:
        pulls.start(NAME)
    await model.close()
    assert refused.value.code == "no_space"
    assert server.asked == []


async def test_a_pull_can_be_stopped_and_the_server_stops_with_it(server: StandIn) -> None:
    server.pieces = (layer(1, 10), 30.0)
    model, pulls = await pulls_of(server, free=None)
    pulls.start(NAME)
    while pulls.current is not None and not pulls.current.total_bytes:
        await model.describe(NAME)
    pulls.end()
    await pulls.wait()
    await model.close()
    assert pulls.current is not None
    assert pulls.current.state == "ended"
    await server.freed.wait()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("pull model manifest: file does not exist", "model_unknown"),
        ("write: no space left on device", "no_space"),
        ("dial tcp: lookup registry.ollama.ai: no such host", "pull_failed"),
    ],
)
async def test_what_went_wrong_has_its_code(server: StandIn, words: str, code: str) -> None:
    server.pieces = (step(error=words),)
    model, pulls = await pulls_of(server)
    pulls.start(NAME)
    await pulls.wait()
    await model.close()
    assert pulls.current is not None
    assert (pulls.current.state, pulls.current.code) == ("failed", code)


@pytest.mark.parametrize("name", ["gpt-oss:120b-cloud", "deepseek-v3.1:cloud", "", "a b", "../x"])
async def test_models_of_the_cloud_and_what_is_no_name_are_never_asked_for(server: StandIn, name: str) -> None:
    model, pulls = await pulls_of(server)
    with pytest.raises(ModelError) as refused:
        pulls.start(name)
    await model.close()
    assert refused.value.code == "model_missing"
    assert server.asked == []


def test_room_that_cannot_be_seen_is_unknown(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not-there") is None
    assert free_bytes(tmp_path)

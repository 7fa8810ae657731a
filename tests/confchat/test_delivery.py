"""Answers on their beat: one frame of one size, whatever the model does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from confchat.delivery import Beat, Delivery
from confchat.errors import ModelError
from confchat.generation import Generation, Generations
from confchat.llm import Content, Done, Event, Thinking
from confchat.turns import Turn

DONE = Done("stop", 3, 5, 12)


class Outlet:
    """A session's way out that remembers what was posted."""

    def __init__(self) -> None:
        self.posted: list[bytes] = []
        self.is_clogged = False

    def post(self, message: bytes) -> None:
        self.posted.append(message)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(message) for message in self.posted]

    def text(self, member: str) -> str:
        return "".join(message.get(member, "") for message in self.messages)


class Shelf:
    """Remembers every saved turn."""

    def __init__(self) -> None:
        self.saved: list[Turn] = []

    async def save(self, turn: Turn, revision: int) -> None:
        assert revision == len(self.saved) + 1
        self.saved.append(turn)


def new_generation(shelf: Shelf) -> Generation:
    return Generation(
        owner="u",
        conversation="c",
        prompt="p",
        reply="00000000-0000-4000-8000-000000000000",
        model="m",
        resume="r",
        scratchpad=None,
        save=shelf.save,
    )


async def say(*events: Event | float | ModelError) -> AsyncGenerator[Event]:
    for event in events:
        if isinstance(event, float):
            await asyncio.sleep(event)
        elif isinstance(event, ModelError):
            raise event
        else:
            yield event


async def run(*events: Event | float | ModelError, offsets: tuple[int, int] = (0, 0)) -> tuple[Outlet, Shelf]:
    outlet, shelf = Outlet(), Shelf()
    generation = new_generation(shelf)
    Delivery(generation, beat=Beat(), outlet=outlet, request_id=7, offsets=offsets)
    generation.start(say(*events))
    async with asyncio.timeout(10):
        while not outlet.posted or outlet.messages[-1]["type"] != "chat.done":
            await asyncio.sleep(0.01)
    return outlet, shelf


async def test_every_frame_fits_one_block_and_together_they_are_the_answer() -> None:
    thinking, content = 'quote " and \\ ' * 60, "日本語と emoji 🎉\n\t" * 300
    outlet, shelf = await run(Thinking(thinking), Content(content), DONE)
    assert outlet.text("thinking") == thinking
    assert outlet.text("content") == content
    assert all(len(message) <= 1024 for message in outlet.posted)
    assert shelf.saved[-1].text == content


async def test_offsets_count_code_points_and_say_where_each_piece_begins() -> None:
    outlet, _ = await run(Thinking("🎉" * 400), Content("é" * 900), DONE)
    seen = {"thinking": 0, "content": 0}
    for message in outlet.messages[:-1]:
        assert message["offsets"] == seen
        for name in seen:
            seen[name] += len(message.get(name, ""))
    assert seen == {"thinking": 400, "content": 900}


async def test_a_beat_without_news_still_sends_its_frame() -> None:
    outlet, _ = await run(Content("a"), 0.3, Content("b"), DONE)
    empty = [message for message in outlet.messages if "content" not in message and message["type"] == "chat.delta"]
    assert len(empty) >= 3


async def test_nothing_is_sent_before_the_first_token() -> None:
    outlet = Outlet()
    generation = new_generation(Shelf())
    Delivery(generation, beat=Beat(), outlet=outlet, request_id=1, offsets=(0, 0))
    generation.start(say(0.5, Content("x"), DONE))
    await asyncio.sleep(0.2)
    assert outlet.posted == []
    generation.stop()


async def test_a_clogged_session_skips_beats_and_loses_nothing() -> None:
    outlet, shelf = Outlet(), Shelf()
    outlet.is_clogged = True
    generation = new_generation(shelf)
    Delivery(generation, beat=Beat(), outlet=outlet, request_id=1, offsets=(0, 0))
    generation.start(say(Content("kept"), DONE))
    await asyncio.sleep(0.2)
    assert outlet.posted == []
    outlet.is_clogged = False
    await asyncio.sleep(0.2)
    assert outlet.text("content") == "kept"


async def test_two_sessions_hear_the_same_answer_from_where_each_stands() -> None:
    generation, beat, first, second = new_generation(Shelf()), Beat(), Outlet(), Outlet()
    Delivery(generation, beat=beat, outlet=first, request_id=1, offsets=(0, 0))
    Delivery(generation, beat=beat, outlet=second, request_id=2, offsets=(0, 3))
    generation.start(say(Content("abcdef"), 0.15, DONE))
    await asyncio.sleep(0.4)
    assert first.text("content") == "abcdef"
    assert second.text("content") == "def"


async def test_a_stream_that_breaks_off_is_truncated_and_stored_as_incomplete() -> None:
    outlet, shelf = await run(Content("half"))
    assert outlet.messages[-1]["reason"] == "truncated"
    assert (shelf.saved[-1].state, shelf.saved[-1].text) == ("incomplete", "half")


async def test_a_model_that_fails_ends_the_answer_with_its_code_and_keeps_what_came() -> None:
    outlet, shelf = await run(Content("half"), ModelError("model_failed", retry=True))
    assert outlet.messages[-1]["reason"] == "error"
    assert outlet.messages[-1]["error"] == {"code": "model_failed", "retry": True}
    assert shelf.saved[-1].text == "half"


async def test_a_fault_of_the_program_ends_the_answer_too_and_tells_nothing_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken() -> AsyncGenerator[Event]:
        yield Content("x")
        raise KeyError("inside")

    outlet = Outlet()
    generation = new_generation(Shelf())
    Delivery(generation, beat=Beat(), outlet=outlet, request_id=1, offsets=(0, 0))
    generation.start(broken())
    await asyncio.sleep(0.3)
    assert outlet.messages[-1]["error"] == {"code": "internal", "retry": False}
    assert b"inside" not in outlet.posted[-1]


async def test_stopping_keeps_what_came_and_closes_the_model() -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncGenerator[Event]:
        try:
            while True:
                yield Content("word ")
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    shelf = Shelf()
    generation = new_generation(shelf)
    generation.start(endless())
    await asyncio.sleep(0.1)
    generation.stop()
    async with asyncio.timeout(2):
        await closed.wait()
        while not generation.is_finished:
            await asyncio.sleep(0.01)
    assert shelf.saved[-1].reason == "cancelled"
    assert shelf.saved[-1].text.startswith("word ")


async def test_a_partial_answer_is_stored_within_the_second() -> None:
    shelf = Shelf()
    generation = new_generation(shelf)
    generation.start(say(Content("so far"), 5.0, DONE))
    await asyncio.sleep(1.3)
    assert (shelf.saved[-1].text, shelf.saved[-1].state) == ("so far", "running")
    generation.stop()


async def test_an_answer_is_found_by_its_owner_alone() -> None:
    generations, generation = Generations(), new_generation(Shelf())
    generations.add(generation)
    assert generations.find(owner="u", reply=generation.reply) is generation
    assert generations.find(owner="other", reply=generation.reply) is None
    assert generations.running_in(owner="u", conversation="c") is generation

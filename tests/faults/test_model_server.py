"""A model server that is away, slow, wrong or dies: a clear code, what has come kept, and the next answer whole."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.confchat.ollama_stand_in import last_line, line, tag_entry
from tests.faults.installation import MODEL
from tests.faults.server import PATIENCE_S
from tests.faults.surroundings import Surroundings
from tests.session_client import SessionClient, new_id

LONG_S = 30.0


async def stored_answer(client: SessionClient) -> dict[str, Any]:
    """Return the newest stored message of the session's conversation."""
    page = await client.call("conversation.open", conversation=client.conversation, before=None)
    newest: dict[str, Any] = page["messages"][-1]
    return newest


async def assert_broken_off(client: SessionClient, *, text: str, reason: str, error: dict[str, Any] | None) -> None:
    """Ask; the answer ends in this way, what has come is shown and stored, and another try succeeds."""
    prompt = new_id()
    await client.ask_model("Speak.", message=prompt)
    texts, done = await client.finish()
    assert (texts["content"], done["reason"], done.get("error")) == (text, reason, error)
    stored = await stored_answer(client)
    assert (stored["text"], stored["state"], stored["reason"]) == (text, "incomplete", reason)


async def assert_answers_again(client: SessionClient) -> None:
    _, done = await client.chat("And now?")
    assert done["reason"] == "stop"


def error(code: str, *, retry: bool = True) -> dict[str, Any]:
    return {"code": code, "retry": retry}


async def test_a_model_that_is_not_installed(client: SessionClient, surroundings: Surroundings) -> None:
    surroundings.model.tags = {"models": [tag_entry("another:7b")]}
    await client.send_question()
    assert await client.receive_clear() == {"type": "error", "code": "model_missing", "retry": False}
    surroundings.model.tags = {"models": [tag_entry(MODEL)]}
    assert (await client.ask())["outcome"] == "affirming"


async def test_a_server_that_is_away(client: SessionClient, surroundings: Surroundings) -> None:
    await surroundings.stop("model")
    await client.send_question()
    assert await client.receive_clear() == {"type": "error", "code": "model_unavailable", "retry": True}
    await surroundings.start("model")
    assert (await client.ask())["outcome"] == "affirming"


@pytest.mark.parametrize(
    ("version", "code"), [("<html>", "model_failed"), ([], "model_failed"), ({"version": 1}, "model_failed")]
)
async def test_a_server_that_is_something_else(
    client: SessionClient, surroundings: Surroundings, version: Any, code: str
) -> None:
    surroundings.model.version = version
    await client.send_question()
    assert await client.receive_clear() == {"type": "error", "code": code, "retry": True}


async def test_a_model_that_was_replaced_answers_nobody(session: SessionClient, surroundings: Surroundings) -> None:
    surroundings.model.tags = {"models": [tag_entry(MODEL, digest="ab" * 32)]}
    reply = await session.ask_model("Speak.")
    assert (reply["code"], reply["retry"]) == ("model_changed", True)
    assert surroundings.model.asked == []
    assert (await session.ask())["outcome"] == "contraindicated", "no release names that model"


async def test_a_server_that_goes_away_in_a_session(session: SessionClient, surroundings: Surroundings) -> None:
    await surroundings.stop("model")
    prompt = new_id()
    reply = await session.ask_model("Speak.", message=prompt)
    assert (reply["type"], reply["code"], reply["retry"]) == ("error", "model_unavailable", True)
    await surroundings.start("model")
    again = await session.ask_model("Speak.", message=prompt)
    assert again["type"] == "chat.started"
    assert (await session.finish())[1]["reason"] == "stop"


async def test_a_server_that_dies_in_mid_stream(session: SessionClient, surroundings: Surroundings) -> None:
    surroundings.model.pieces, surroundings.model.breaks_off = (line("Half a "), line("sen"), 0.2), True
    await assert_broken_off(session, text="Half a sen", reason="error", error=error("model_unavailable"))
    surroundings.model.pieces, surroundings.model.breaks_off = (line("Whole."), last_line()), False
    await assert_answers_again(session)


async def test_a_stream_that_ends_without_a_word(session: SessionClient, surroundings: Surroundings) -> None:
    surroundings.model.pieces = (line("Half a "), line("sen"))
    await assert_broken_off(session, text="Half a sen", reason="truncated", error=None)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b'{"error":"an error was encountered while running the model: CUDA error"}\n', "model_failed"),
        (b"<html>\n", "model_failed"),
        (b'["not", "an", "object"]\n', "model_failed"),
        (b"\xff\xfe\n", "model_failed"),
    ],
    ids=["an error", "HTML", "a list", "bytes"],
)
async def test_a_bad_line_in_mid_stream(
    session: SessionClient, surroundings: Surroundings, bad: bytes, code: str
) -> None:
    surroundings.model.pieces = (line("Half a "), line("sen"), 0.1, bad, line("tence."), last_line())
    await assert_broken_off(session, text="Half a sen", reason="error", error=error(code))


async def test_a_request_that_is_refused(session: SessionClient, surroundings: Surroundings) -> None:
    surroundings.model.status, surroundings.model.error = 503, "server busy, please try again"
    await assert_broken_off(session, text="", reason="error", error=error("model_busy"))


async def test_a_stream_that_falls_silent(session: SessionClient, surroundings: Surroundings) -> None:
    surroundings.model.pieces = (line("Half a "), line("sen"), LONG_S, last_line())
    started = time.monotonic()
    await assert_broken_off(session, text="Half a sen", reason="error", error=error("model_unavailable"))
    assert PATIENCE_S <= time.monotonic() - started < 3 * PATIENCE_S
    await asyncio.wait_for(surroundings.model.freed.wait(), 5)


async def test_a_first_token_that_takes_its_time_moves_no_frame(
    session: SessionClient, surroundings: Surroundings
) -> None:
    surroundings.model.pieces = (PATIENCE_S, line("At last."), last_line())
    await session.ask_model("Speak.")
    with pytest.raises(TimeoutError):
        await session.receive(timeout_s=PATIENCE_S / 2)
    assert (await session.call("model.list"))["type"] == "model.list", "other requests go on"
    texts, done = await session.finish()
    assert (texts["content"], done["reason"]) == ("At last.", "stop")


async def test_a_first_token_that_never_comes(session: SessionClient, surroundings: Surroundings) -> None:
    surroundings.model.pieces = (LONG_S, last_line())
    await assert_broken_off(session, text="", reason="error", error=error("model_unavailable"))


async def test_an_answer_is_stopped_before_its_first_token(session: SessionClient, surroundings: Surroundings) -> None:
    surroundings.model.pieces = (LONG_S, last_line())
    asked_before = len(surroundings.model.asked)
    started = await session.ask_model("Speak.")
    async with asyncio.timeout(5):
        while len(surroundings.model.asked) == asked_before:
            await asyncio.sleep(0.01)
    stopped = await session.call("chat.stop", reply=started["reply"])
    assert stopped["type"] == "chat.stopped"
    _, done = await session.finish()
    assert done["reason"] == "cancelled"
    await asyncio.wait_for(surroundings.model.freed.wait(), 5)


async def test_an_answer_that_is_stopped_many_times_ends_once(
    session: SessionClient, surroundings: Surroundings
) -> None:
    surroundings.model.pieces = (line("Half a "), LONG_S, last_line())
    started = await session.ask_model("Speak.")
    numbers = [await session.request("chat.stop", reply=started["reply"]) for _ in range(4)]
    replies: list[dict[str, Any]] = []
    while len(replies) < len(numbers) + 1:
        replies += [reply for reply in [await session.receive(timeout_s=5)] if reply["type"] != "chat.delta"]
    assert [reply["id"] for reply in replies if reply["type"] == "chat.stopped"] == numbers
    assert [reply["reason"] for reply in replies if reply["type"] == "chat.done"] == ["cancelled"]
    surroundings.model.pieces = (line("Whole."), last_line())
    await assert_answers_again(session)

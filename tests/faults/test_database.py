"""A database that is locked, or a disk that is full: nothing is shown as done that is not durable."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import pytest

from tests.confchat.ollama_stand_in import last_line, line
from tests.faults.installation import Installation
from tests.faults.server import PATIENCE_S
from tests.faults.surroundings import Surroundings
from tests.session_client import SessionClient, new_id

Failing = Callable[[], AbstractContextManager[None]]
NO_EVIDENCE = {"type": "error", "code": "attestation_unavailable", "retry": True}


@contextmanager
def locked(installation: Installation) -> Iterator[None]:
    """Hold the lock that every writer needs."""
    with closing(sqlite3.connect(installation.data_dir / "db.sqlite3", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def full_disk(installation: Installation) -> Iterator[None]:
    """Let no file of the web server grow, as on a disk without room (setrlimit(2), RLIMIT_FSIZE)."""
    before = resource.prlimit(installation.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(installation.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(installation.pid, resource.RLIMIT_FSIZE, before)


@pytest.fixture(params=[locked, full_disk], ids=["locked", "full"])
def failing(request: pytest.FixtureRequest, installation: Installation) -> Failing:
    """A way to let the database fail for a while."""
    return lambda: request.param(installation)


async def test_no_verdict_is_sent_that_is_not_on_record(client: SessionClient, failing: Failing) -> None:
    await client.ask()
    with failing():
        await client.send_question()
        assert (await client.receive_clear())["type"] == "attest.evidence"
        assert await client.receive_clear() == NO_EVIDENCE
    assert (await client.ask())["outcome"] == "affirming"


async def test_no_session_opens_that_is_not_on_record(client: SessionClient, failing: Failing) -> None:
    await client.ask()
    with failing():
        await client.send_opening()
        assert await client.receive_clear() == NO_EVIDENCE
    await client.ask()
    await client.open()


async def test_no_prompt_is_answered_that_is_not_stored(
    session: SessionClient, surroundings: Surroundings, failing: Failing
) -> None:
    prompt = new_id()
    with failing():
        reply = await session.ask_model("Keep this.", message=prompt)
        assert (reply["type"], reply["code"], reply["retry"]) == ("error", "not_stored", True)
        assert surroundings.model.asked == []
    again = await session.ask_model("Keep this.", message=prompt)
    assert again["type"] == "chat.started"
    assert (await session.finish())[1]["reason"] == "stop"


async def test_no_answer_is_done_that_is_not_stored(
    session: SessionClient, surroundings: Surroundings, failing: Failing
) -> None:
    surroundings.model.pieces = (line("Gone "), PATIENCE_S / 2, line("with the wind."), last_line())
    started = await session.ask_model("Speak.")
    with failing():
        texts, done = await session.finish()
    assert texts["content"] == "Gone with the wind.", "what comes is shown all the same"
    assert (done["reason"], done["error"]["code"]) == ("error", "not_stored")
    page = await session.call("conversation.open", conversation=session.conversation, before=None)
    prompt, answer = page["messages"]
    assert (prompt["text"], prompt["state"]) == ("Speak.", "complete")
    assert (answer["message"], answer["state"]) == (started["reply"], "incomplete")
    assert texts["content"].startswith(answer["text"])


async def test_a_short_failure_in_mid_answer_is_made_good(
    session: SessionClient, surroundings: Surroundings, failing: Failing
) -> None:
    surroundings.model.pieces = (
        line("Kept "),
        PATIENCE_S * 0.7,
        line("after "),
        PATIENCE_S * 0.7,
        line("all."),
        last_line(),
    )
    await session.ask_model("Speak.")
    with failing():
        while "after" not in (await session.receive()).get("content", ""):
            pass
    _, done = await session.finish()
    assert done["reason"] == "stop"
    page = await session.call("conversation.open", conversation=session.conversation, before=None)
    assert [message["text"] for message in page["messages"]] == ["Speak.", "Kept after all."]


async def test_titles_and_deletions_are_not_confirmed_either(session: SessionClient, failing: Failing) -> None:
    await session.chat("Is all well?")
    with failing():
        for kind, members in (("conversation.rename", {"title": "New"}), ("conversation.delete", {})):
            reply = await session.call(kind, conversation=session.conversation, **members)
            assert (reply["type"], reply["code"], reply["retry"]) == ("error", "not_stored", True)
    page = await session.call("conversation.open", conversation=session.conversation, before=None)
    assert (page["title"], len(page["messages"])) == ("Is all well?", 2)

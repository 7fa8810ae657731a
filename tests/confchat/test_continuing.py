"""Which answers can be gone on with, and from where."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from confchat.conversations import Shelf
from confchat.errors import RequestError
from confchat.models import User
from confchat.scratchpad import Scratchpad
from confchat.turns import Turn

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["stored", "in memory"])
def shelf(request: pytest.FixtureRequest) -> Shelf | Scratchpad:
    user = User.objects.create_user("amina")
    return Shelf(bytes(32), user=str(user.pk)) if request.param == "stored" else Scratchpad()


def answered(shelf: Shelf | Scratchpad, *, text: str, reason: str) -> tuple[str, Turn]:
    """Return a conversation and an answer in it that ended for `reason`."""
    conversation = str(uuid.uuid4())
    prompt = Turn(uuid=str(uuid.uuid4()), parent=None, role="user", text="Why?")
    answer = Turn(uuid=str(uuid.uuid4()), parent=prompt.uuid, role="assistant", text="", state="running")
    shelf.ask(conversation, prompt, answer=answer, model="m")
    answer = replace(answer, text=text, thinking="hm", state="incomplete", reason=reason, thinking_ms=12, eval_ms=34)
    shelf.save_answer(conversation, answer, revision=3)
    return conversation, answer


@pytest.mark.parametrize("reason", ["length", "cancelled", "truncated", "error", ""])
def test_an_answer_that_did_not_end_by_itself_goes_on_behind_its_prompt(shelf: Shelf | Scratchpad, reason: str) -> None:
    conversation, answer = answered(shelf, text="Because", reason=reason)
    asked = shelf.ask_on(conversation, answer.uuid, is_free=True)
    assert [(turn.role, turn.text) for turn in asked.path] == [("user", "Why?"), ("assistant", "Because")]
    assert (asked.path[-1].thinking_ms, asked.path[-1].eval_ms) == (12, 34)


@pytest.mark.parametrize(("text", "reason"), [("Because it rains.", "stop"), ("", "cancelled"), (" \n", "length")])
def test_a_whole_answer_and_one_without_words_do_not(shelf: Shelf | Scratchpad, text: str, reason: str) -> None:
    conversation, answer = answered(shelf, text=text, reason=reason)
    with pytest.raises(RequestError, match="not_continuable"):
        shelf.ask_on(conversation, answer.uuid, is_free=True)


def test_nothing_goes_on_while_another_answer_runs(shelf: Shelf | Scratchpad) -> None:
    conversation, answer = answered(shelf, text="Because", reason="length")
    with pytest.raises(RequestError, match="busy"):
        shelf.ask_on(conversation, answer.uuid, is_free=False)


def test_what_comes_after_replaces_what_is_stored(shelf: Shelf | Scratchpad) -> None:
    conversation, answer = answered(shelf, text="Because", reason="length")
    asked = shelf.ask_on(conversation, answer.uuid, is_free=True)
    whole = replace(answer, text="Because it rains.", state="complete", reason="stop")
    shelf.save_answer(conversation, whole, revision=asked.revision + 1)
    assert shelf.find_turn(conversation, answer.uuid).text == "Because it rains."

"""What is stored is ciphertext under the user's key, and what is acknowledged is there."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from attestation.models import LogEntry
from confchat.conversations import LIST_SIZE, Shelf
from confchat.deletion import delete_conversation, delete_due, restore_conversation
from confchat.errors import RequestError
from confchat.history_key import ContentKey, prove_history_key
from confchat.models import Conversation, Message, User
from confchat.prompting import fit_context
from confchat.turns import Turn

pytestmark = pytest.mark.django_db

KEY = bytes(range(32))
CANARY = "canary-Kanarienvogel-金丝雀"


def new_id() -> str:
    return str(uuid.uuid4())


def prompt(text: str = "Hello", *, parent: str | None = None) -> Turn:
    return Turn(uuid=new_id(), parent=parent, role="user", text=text)


def answer(to: Turn, text: str, *, state: str = "complete") -> Turn:
    return Turn(uuid=new_id(), parent=to.uuid, role="assistant", text=text, thinking="hm", state=state)


def keep(shelf: Shelf, conversation: str, turn: Turn) -> None:
    """Store a prompt and an answer to it that has not begun."""
    shelf.ask(conversation, turn, answer=answer(turn, "", state="running"), model="m")


@pytest.fixture
def user() -> str:
    return str(User.objects.create_user("amina").pk)


@pytest.fixture
def other() -> str:
    return str(User.objects.create_user("bruno").pk)


@pytest.fixture
def shelf(user: str) -> Shelf:
    return Shelf(KEY, user=user)


def test_a_conversation_comes_back_as_it_was(shelf: Shelf) -> None:
    conversation, first = new_id(), prompt(f"{CANARY}\nsecond line")
    reply = answer(first, "An answer.")
    asked = shelf.ask(conversation, first, answer=reply, model="m")
    assert asked.path == [first]
    found = shelf.open_conversation(conversation, before=None)
    assert [(turn.text, turn.thinking) for turn in found["messages"]] == [
        (first.text, ""),
        ("An answer.", "hm"),
    ]
    assert found["title"] == CANARY
    second = prompt("And then?", parent=reply.uuid)
    asked = shelf.ask(conversation, second, answer=answer(second, ""), model="m")
    assert [turn.text for turn in asked.path] == [first.text, "An answer.", "And then?"]


def test_no_word_stands_in_the_database_in_clear(shelf: Shelf) -> None:
    conversation, first = new_id(), prompt(CANARY)
    shelf.ask(conversation, first, answer=answer(first, CANARY), model="m")
    shelf.rename_conversation(conversation, CANARY)
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  # names from the database itself
            assert not any(CANARY.encode() in str(row).encode() or CANARY in str(row) for row in cursor.fetchall())
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            for row in cursor.fetchall():
                assert not any(isinstance(cell, bytes) and CANARY.encode() in cell for cell in row)


def test_another_key_opens_nothing(shelf: Shelf, user: str) -> None:
    conversation = new_id()
    keep(shelf, conversation, prompt())
    with pytest.raises(RequestError, match="does not open"):
        Shelf(bytes(32), user=user).open_conversation(conversation, before=None)


def test_an_administrator_cannot_move_a_message_elsewhere_unseen(shelf: Shelf) -> None:
    conversation, elsewhere = new_id(), new_id()
    keep(shelf, conversation, prompt("I agree"))
    keep(shelf, elsewhere, prompt("Shall we?"))
    Message.objects.update(conversation=Conversation.objects.get(uuid=elsewhere))
    with pytest.raises(RequestError):
        shelf.open_conversation(elsewhere, before=None)


def test_an_older_revision_cannot_be_put_back_unseen(shelf: Shelf) -> None:
    conversation, first = new_id(), prompt()
    reply = answer(first, "draft", state="running")
    shelf.ask(conversation, first, answer=reply, model="m")
    old = bytes(Message.objects.get(uuid=reply.uuid).sealed)
    shelf.save_answer(conversation, reply, revision=1)
    Message.objects.filter(uuid=reply.uuid).update(sealed=old)
    with pytest.raises(RequestError):
        shelf.open_conversation(conversation, before=None)


def test_another_users_ids_are_simply_unknown(shelf: Shelf, other: str) -> None:
    conversation, first = new_id(), prompt()
    keep(shelf, conversation, first)
    theirs = Shelf(KEY, user=other)
    for call in (
        lambda: theirs.open_conversation(conversation, before=None),
        lambda: delete_conversation(other, conversation),
        lambda: theirs.rename_conversation(conversation, "x"),
        lambda: theirs.find_turn(conversation, first.uuid),
    ):
        with pytest.raises(RequestError) as caught:
            call()
        assert caught.value.code == "not_found"
    keep(theirs, conversation, first)  # the same ids are free for another user
    assert Conversation.objects.count() == 2


def test_the_same_prompt_twice_gets_the_answer_it_has_and_with_another_text_is_refused(shelf: Shelf) -> None:
    conversation, first = new_id(), prompt()
    reply = answer(first, "Only once.")
    assert shelf.ask(conversation, first, answer=reply, model="m").given is None
    again = shelf.ask(conversation, first, answer=answer(first, "Twice?"), model="m")
    assert again.given is not None
    assert again.given.uuid == reply.uuid
    assert Message.objects.count() == 2
    with pytest.raises(RequestError) as caught:
        keep(shelf, conversation, Turn(uuid=first.uuid, parent=None, role="user", text="other"))
    assert caught.value.code == "message_conflict"


def test_another_answer_needs_a_stored_prompt_and_nothing_running(shelf: Shelf) -> None:
    conversation, first = new_id(), prompt()
    reply = answer(first, "One.")
    shelf.ask(conversation, first, answer=reply, model="m")
    assert shelf.ask_again(conversation, first.uuid, answer=answer(first, "Two.")).path == [
        shelf.find_turn(conversation, first.uuid)
    ]
    for message, other, code in (
        (reply.uuid, reply, "not_found"),
        (new_id(), reply, "not_found"),
        (first.uuid, None, "busy"),
    ):
        with pytest.raises(RequestError) as caught:
            shelf.ask_again(conversation, message, answer=other)
        assert caught.value.code == code


def test_a_prompt_needs_a_parent_that_is_there(shelf: Shelf) -> None:
    with pytest.raises(RequestError) as caught:
        keep(shelf, new_id(), prompt(parent=new_id()))
    assert caught.value.code == "not_found"


def test_a_deleted_conversation_is_gone_and_a_late_answer_does_not_bring_it_back(shelf: Shelf, user: str) -> None:
    conversation, first = new_id(), prompt()
    reply = answer(first, "", state="running")
    shelf.ask(conversation, first, answer=reply, model="m")
    delete_conversation(user, conversation)
    Conversation.objects.update(delete_at=datetime.now(UTC))
    assert delete_due() == 1
    shelf.save_answer(conversation, reply, revision=1)
    assert not Message.objects.exists()
    assert LogEntry.objects.filter(kind="deletion").count() == 1


def test_what_was_deleted_is_out_of_sight_at_once_and_can_be_brought_back_for_some_seconds(
    shelf: Shelf, user: str
) -> None:
    conversation, first = new_id(), prompt()
    keep(shelf, conversation, first)
    delete_conversation(user, conversation)
    assert shelf.list_conversations(before=None)[0] == []
    with pytest.raises(RequestError):
        keep(shelf, conversation, prompt("more", parent=first.uuid))
    assert delete_due() == 0
    restore_conversation(user, conversation)
    assert shelf.open_conversation(conversation, before=None)["messages"][0].text == "Hello"


def test_conversations_are_listed_newest_first_and_in_pages(shelf: Shelf) -> None:
    start = datetime.now(UTC)
    for number in range(LIST_SIZE + 3):
        keep(shelf, new_id(), prompt(f"number {number}"))
    for row in Conversation.objects.all():
        Conversation.objects.filter(pk=row.pk).update(updated_at=start + timedelta(seconds=row.pk))
    first, rest = shelf.list_conversations(before=None)
    second, end = shelf.list_conversations(before=rest)
    titles = [entry["title"] for entry in [*first, *second]]
    assert titles == [f"number {number}" for number in reversed(range(LIST_SIZE + 3))]
    assert end is None


def test_long_conversations_open_in_pages_that_lose_nothing(shelf: Shelf) -> None:
    conversation, parent = new_id(), None
    texts = [f"{number} " + "x" * 300_000 for number in range(5)]
    for text in texts:
        turn = prompt(text, parent=parent)
        keep(shelf, conversation, turn)
        parent = turn.uuid
    seen: list[str] = []
    before: str | None = None
    while True:
        page = shelf.open_conversation(conversation, before=before)
        seen = [turn.text for turn in page["messages"] if turn.role == "user"] + seen
        before = page["next"]
        if before is None:
            break
    assert seen == texts


@pytest.mark.parametrize("cursor", ["x", "1/2/3", "2026-01-01", "-1", "²"])
def test_an_invented_cursor_is_refused(shelf: Shelf, cursor: str) -> None:
    conversation = new_id()
    keep(shelf, conversation, prompt())
    with pytest.raises(RequestError):
        shelf.list_conversations(before=cursor)
    with pytest.raises(RequestError):
        shelf.open_conversation(conversation, before=cursor)


def test_a_history_key_is_enrolled_once_and_never_anew(user: str) -> None:
    with pytest.raises(RequestError):
        prove_history_key(KEY, user=user, enroll=False)
    prove_history_key(KEY, user=user, enroll=True)
    prove_history_key(KEY, user=user, enroll=False)
    prove_history_key(KEY, user=user, enroll=True)
    for enroll in (True, False):
        with pytest.raises(RequestError) as caught:
            prove_history_key(bytes(32), user=user, enroll=enroll)
        assert caught.value.code == "history_key_wrong"


def test_each_conversation_and_user_has_a_content_key_of_its_own() -> None:
    sealed = ContentKey(KEY, user="u", conversation="c").seal(b"x", message="m", revision=0)
    assert ContentKey(KEY, user="u", conversation="c").open(sealed, message="m", revision=0) == b"x"
    for key in (ContentKey(KEY, user="v", conversation="c"), ContentKey(KEY, user="u", conversation="d")):
        with pytest.raises(RequestError):
            key.open(sealed, message="m", revision=0)


def test_a_context_keeps_the_newest_turns_and_refuses_a_prompt_that_cannot_fit() -> None:
    turns = [prompt("a" * 1000), prompt("b" * 1000), prompt("c" * 1000)]
    assert fit_context(turns, tokens=1000) == turns[1:]
    with pytest.raises(RequestError) as caught:
        fit_context([prompt("d" * 10_000)], tokens=1000)
    assert caught.value.code == "prompt_too_long"

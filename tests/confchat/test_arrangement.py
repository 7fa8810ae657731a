"""How long conversations are kept, what a deletion leaves, and what a title may be."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings

from attestation.models import LogEntry
from confchat.conversations import Shelf
from confchat.deletion import delete_due, delete_expired, delete_history, restore_history
from confchat.errors import RequestError
from confchat.folders import MAX_FOLDERS, Folders
from confchat.models import Conversation, FolderList, User
from confchat.requests.titles import fitting_title
from confchat.retention import set_retention
from confchat.turns import Turn

pytestmark = pytest.mark.django_db

KEY = bytes(range(32))


@pytest.fixture
def user() -> str:
    return str(User.objects.create_user("amina").pk)


def keep(user: str, *, days_ago: int, pinned: bool = False) -> str:
    shelf, conversation, prompt = Shelf(KEY, user=user), str(uuid.uuid4()), str(uuid.uuid4())
    reply = Turn(uuid=str(uuid.uuid4()), parent=prompt, role="assistant", text="")
    shelf.ask(conversation, Turn(uuid=prompt, parent=None, role="user", text="Hello"), answer=reply, model="m")
    Conversation.objects.filter(uuid=conversation).update(
        updated_at=datetime.now(UTC) - timedelta(days=days_ago), pinned=pinned
    )
    return conversation


def listed(user: str) -> set[str]:
    return {entry["conversation"] for entry in Shelf(KEY, user=user).list_conversations(before=None)[0]}


def test_what_is_over_its_time_is_out_of_sight_at_once_and_then_deleted(user: str) -> None:
    old, pinned, new = keep(user, days_ago=31), keep(user, days_ago=31, pinned=True), keep(user, days_ago=1)
    assert delete_expired() == 0
    set_retention(user, days=30)
    assert listed(user) == {pinned, new}
    assert delete_expired() == 1
    assert not Conversation.objects.filter(uuid=old).exists()
    assert LogEntry.objects.filter(kind="deletion").count() == 1


def test_the_shorter_of_the_users_and_the_installations_time_holds(user: str) -> None:
    keep(user, days_ago=8)
    kept = keep(user, days_ago=2)
    set_retention(user, days=30)
    with override_settings(CONFCHAT_RETENTION_DAYS=7):
        assert listed(user) == {kept}
        assert delete_expired() == 1
        set_retention(user, days=None)
        assert listed(user) == {kept}


def test_all_of_the_history_is_deleted_or_brought_back_together(user: str) -> None:
    other = str(User.objects.create_user("bruno").pk)
    conversations = {keep(user, days_ago=0) for _ in range(3)}
    theirs = keep(other, days_ago=0)
    count, until = delete_history(user)
    assert (count, listed(user)) == (3, set())
    assert restore_history(user, until=until) == 3
    assert listed(user) == conversations
    delete_history(user)
    Conversation.objects.exclude(delete_at=None).update(delete_at=datetime.now(UTC))
    assert delete_due() == 3
    assert {str(row.uuid) for row in Conversation.objects.all()} == {theirs}


def test_names_of_folders_are_sealed_and_their_number_is_bounded(user: str) -> None:
    folders = Folders(KEY, user=user)
    folders.name(str(uuid.uuid4()), "Canary")
    assert b"Canary" not in bytes(FolderList.objects.get().sealed)
    for number in range(MAX_FOLDERS - 1):
        folders.name(str(uuid.uuid4()), f"{number}")
    with pytest.raises(RequestError, match="too_many"):
        folders.name(str(uuid.uuid4()), "one more")
    with pytest.raises(RequestError):
        Folders(bytes(32), user=user).read()


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("**Colours of rain**", "Colours of rain"),
        ("\n\u300c\u96e8\u306e\u8272\u300d\nmore", "\u96e8\u306e\u8272"),
        ("Title: Rain", "Rain"),
        ("I am a language model and will now write you a title that is far too long for one", ""),
        ("", ""),
        ("Colours of rain:", "Colours of rain"),
        ("Sure, here is a title:\n\n**Title:** \u201cColours of rain.\u201d\n\nIt fits.", "Colours of rain"),
        ("# Conversation title: 'Rain'", "Rain"),
        ("\u30bf\u30a4\u30c8\u30eb\uff1a\u300c\u96e8\u306e\u8272\u300d\u3002", "\u96e8\u306e\u8272"),
        ("\u6807\u9898\uff1a\u300a\u96e8\u300b", "\u96e8"),
        ("<think>Title: wrong\n</think>\nRain  at\tnight", "Rain at night"),
        ("<think>I never end", ""),
        ("***\n---", ""),
        ("C++: the good parts", "C++: the good parts"),
        ("## Sorting in C#", "Sorting in C#"),
    ],
)
def test_only_what_looks_like_a_title_becomes_one(said: str, title: str) -> None:
    assert fitting_title(said) == title


def told(number: str, *, parent: str | None, role: str = "user") -> Turn:
    return Turn(
        uuid=number, parent=parent, role=role, text=f"said {number}", created_at=datetime(2024, 1, 2, tzinfo=UTC)
    )


def test_what_comes_from_elsewhere_is_kept_once_with_its_own_times_and_branches(user: str) -> None:
    shelf, conversation = Shelf(KEY, user=user), str(uuid.uuid4())
    first, second, third = (str(uuid.uuid4()) for _ in range(3))
    page = [told(first, parent=None), told(second, parent=first, role="assistant"), told(third, parent=first)]
    kept: dict[str, Any] = {
        "title": "Old",
        "updated_at": datetime(2024, 1, 3, tzinfo=UTC),
        "pinned": True,
        "archived": False,
    }
    for _ in range(2):
        shelf.take_in(conversation, page, **kept, folder=None)
    found = shelf.open_conversation(conversation, before=None)
    assert [(turn.uuid, turn.parent, turn.created_at) for turn in found["messages"]] == [
        (turn.uuid, turn.parent, turn.created_at) for turn in page
    ]
    entry = shelf.list_conversations(before=None)[0][0]
    assert (entry["title"], entry["pinned"], entry["updated_at"]) == ("Old", True, 1704240000)
    with pytest.raises(RequestError):
        shelf.take_in(conversation, [told(str(uuid.uuid4()), parent=str(uuid.uuid4()))], **kept, folder=None)

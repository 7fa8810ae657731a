"""What is stored of a conversation beside its messages: its title, where it lies, and which branch of it is shown."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from confchat.history_key import ContentKey
from confchat.models import Conversation

_TITLE = "title"
_DETAILS = "details"


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """In clear in memory only. `folder` and `shown` are ids; `titled` says who made the title: line, model or user.

    `shown` is the message that the branch in view leads to, or null for the newest.
    """

    folder: str | None = None
    archived: bool = False
    titled: str = "line"
    shown: str | None = None


def open_details(row: Conversation, key: ContentKey) -> Details:
    """Open a conversation's details; raises RequestError `content_damaged` where they do not open."""
    if row.sealed_details is None:
        return Details()
    return Details(**json.loads(key.open(bytes(row.sealed_details), message=_DETAILS, revision=row.details_revision)))


def seal_details(row: Conversation, details: Details, key: ContentKey) -> None:
    """Set a row's sealed details, as a later revision; does not save the row."""
    row.details_revision += 1
    row.sealed_details = key.seal(json.dumps(asdict(details)).encode(), message=_DETAILS, revision=row.details_revision)


def open_title(row: Conversation, key: ContentKey) -> str | None:
    """Open a conversation's title; raises RequestError `content_damaged` where it does not open."""
    if row.sealed_title is None:
        return None
    return key.open(bytes(row.sealed_title), message=_TITLE, revision=row.title_revision).decode()


def set_title(row: Conversation, title: str, key: ContentKey) -> None:
    """Set a row's sealed title, as a later revision; does not save the row."""
    row.title_revision += 1
    row.changes += 1
    row.sealed_title = key.seal(title.encode(), message=_TITLE, revision=row.title_revision)

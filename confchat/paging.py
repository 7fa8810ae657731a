"""Long lists in pages that fit a sealed frame, and the cursors between them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from django.db.models import QuerySet

from confchat.errors import RequestError
from confchat.models import Message
from confchat.turns import Turn, json_size

PAGE_SIZE = 100
PAGE_BYTES = 700 * 1024  # of JSON: a page stays under the 1 MiB of a sealed frame


def page_messages(messages: QuerySet[Message], open_turn: Callable[[Message], Turn]) -> tuple[list[Turn], str | None]:
    """Open messages until a page is full by number or by size; return them and the next cursor."""
    turns: list[Turn] = []
    size, last = 0, ""
    for row in messages[: PAGE_SIZE + 1].iterator():
        turn = open_turn(row)
        size += json_size(turn)
        if len(turns) == PAGE_SIZE or (turns and size > PAGE_BYTES):
            return turns, last
        turns.append(turn)
        last = str(row.pk)
    return turns, None


def parse_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        moment, identity = cursor.split("/")
        return datetime.fromisoformat(moment).astimezone(UTC), int(identity)
    except (ValueError, OverflowError) as error:
        raise RequestError("not_found") from error

"""Functions that write and read conversations; content enters and leaves the tables encrypted.

Everything here blocks on the database: call it off the event loop. A `Shelf` exists only where the
user's history key was proved, so nothing here can read or write without it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from confchat.errors import RequestError
from confchat.history_key import ContentKey
from confchat.models import Conversation, Message

PAGE_SIZE = 100
PAGE_BYTES = 700 * 1024  # of JSON: a page stays under the 1 MiB of a sealed frame
TITLE_CHARACTERS = 80

_TITLE = "title"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message in clear, in memory only. `uuid` and `parent` are texts of UUIDs."""

    uuid: str
    parent: str | None
    role: str
    text: str
    thinking: str = ""
    state: str = Message.State.COMPLETE
    reason: str = ""
    model: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_ms: int | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Shelf:
    """The stored conversations of one user under a proved history key of 32 bytes."""

    def __init__(self, history_key: bytes, *, user: str) -> None:
        self._history_key = history_key
        self._user = user

    def add_prompt(self, conversation: str, turn: Turn, *, model: str) -> bool:
        """Store a prompt, and its conversation at the first one; return whether it was new.

        Raises:
            RequestError: `message_conflict` (the id with another text), `not_found` (no such parent).
        """
        with transaction.atomic():
            row = self._start_conversation(conversation, title=turn.text, model=model)
            known = row.messages.filter(uuid=turn.uuid).first()
            if known is not None:
                stored = self._turn(known, self._key(conversation))
                if stored.text != turn.text or stored.role != turn.role or stored.parent != turn.parent:
                    raise RequestError("message_conflict")
                return False
            if turn.parent is not None and not row.messages.filter(uuid=turn.parent).exists():
                raise RequestError("not_found")
            self._insert(row, turn)
            return True

    def add_answer(self, conversation: str, turn: Turn) -> None:
        """Store an answer that has just begun."""
        with transaction.atomic():
            self._insert(self._find(conversation), turn)

    def save_answer(self, conversation: str, turn: Turn) -> None:
        """Store what there is of an answer; one whose conversation is gone stays gone."""
        row = Message.objects.filter(
            conversation__user_id=self._user, conversation__uuid=conversation, uuid=turn.uuid
        ).first()
        if row is None:
            return
        row.revision += 1
        row.sealed = self._seal(turn, self._key(conversation), row.revision)
        row.state, row.reason = turn.state, turn.reason
        row.prompt_tokens, row.completion_tokens, row.total_ms = (
            turn.prompt_tokens,
            turn.completion_tokens,
            turn.total_ms,
        )
        row.save()

    def answers_to(self, conversation: str, prompt: str) -> list[Turn]:
        """Return the answers to a prompt, the oldest first."""
        rows = self._find(conversation).messages.filter(parent=prompt, role=Message.Role.ASSISTANT).order_by("id")
        key = self._key(conversation)
        return [self._turn(row, key) for row in rows]

    def find_turn(self, conversation: str, message: str) -> Turn:
        """Return one message.

        Raises:
            RequestError: `not_found`.
        """
        row = self._find(conversation).messages.filter(uuid=message).first()
        if row is None:
            raise RequestError("not_found")
        return self._turn(row, self._key(conversation))

    def path_to(self, conversation: str, message: str) -> list[Turn]:
        """Return the messages from the first one to `message`, along their parents."""
        rows = {str(row.uuid): row for row in self._find(conversation).messages.all()}
        key, path, current = self._key(conversation), [], message if message in rows else None
        while current is not None and current in rows:
            row = rows.pop(current)
            path.append(self._turn(row, key))
            current = str(row.parent) if row.parent else None
        return path[::-1]

    def list_conversations(self, *, before: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of conversations, the newest first, and the cursor of the next page."""
        rows = Conversation.objects.filter(user_id=self._user).order_by("-updated_at", "-id")
        if before is not None:
            moment, identity = _parse_cursor(before)
            rows = rows.filter(Q(updated_at__lt=moment) | Q(updated_at=moment, id__lt=identity))
        found = list(rows[: PAGE_SIZE + 1])
        page = found[:PAGE_SIZE]
        rest = f"{page[-1].updated_at.isoformat()}/{page[-1].pk}" if len(found) > PAGE_SIZE else None
        return [self._summary(row) for row in page], rest

    def open_conversation(self, conversation: str, *, before: str | None) -> dict[str, Any]:
        """Return a conversation's title and a page of its messages, the newest page first.

        Raises:
            RequestError: `not_found`.
        """
        row, key = self._find(conversation), self._key(conversation)
        messages = row.messages.order_by("-id")
        if before is not None:
            if not before.isascii() or not before.isdigit():
                raise RequestError("not_found")
            messages = messages.filter(id__lt=int(before))
        turns, rest = _page(messages, lambda message: self._turn(message, key))
        return {"title": self._title(row, key), "model": row.model, "messages": turns[::-1], "next": rest}

    def rename_conversation(self, conversation: str, title: str) -> None:
        """Give a conversation another title."""
        row = self._find(conversation)
        self._set_title(row, title)
        row.save(update_fields=["sealed_title", "title_revision"])

    def delete_conversation(self, conversation: str) -> None:
        """Delete a conversation and its messages for good."""
        self._find(conversation).delete()

    def _find(self, conversation: str) -> Conversation:
        row = Conversation.objects.filter(user_id=self._user, uuid=conversation).first()
        if row is None:
            raise RequestError("not_found")
        return row

    def _start_conversation(self, conversation: str, *, title: str, model: str) -> Conversation:
        row = Conversation.objects.filter(user_id=self._user, uuid=conversation).first()
        if row is None:
            row = Conversation(user_id=uuid.UUID(self._user), uuid=uuid.UUID(conversation), model=model)
            self._set_title(row, title.strip().splitlines()[0][:TITLE_CHARACTERS])
        row.model, row.updated_at = model, datetime.now(UTC)
        row.save()
        return row

    def _insert(self, row: Conversation, turn: Turn) -> None:
        Message.objects.create(
            conversation=row,
            uuid=turn.uuid,
            parent=turn.parent,
            role=turn.role,
            state=turn.state,
            model=turn.model,
            sealed=self._seal(turn, self._key(str(row.uuid)), 0),
        )

    def _set_title(self, row: Conversation, title: str) -> None:
        row.title_revision += 1
        key = self._key(str(row.uuid))
        row.sealed_title = key.seal(title.encode(), message=_TITLE, revision=row.title_revision)

    def _title(self, row: Conversation, key: ContentKey) -> str | None:
        if row.sealed_title is None:
            return None
        return key.open(bytes(row.sealed_title), message=_TITLE, revision=row.title_revision).decode()

    def _summary(self, row: Conversation) -> dict[str, Any]:
        return {
            "conversation": str(row.uuid),
            "title": self._title(row, self._key(str(row.uuid))),
            "updated_at": int(row.updated_at.timestamp()),
            "model": row.model,
        }

    def _key(self, conversation: str) -> ContentKey:
        return ContentKey(self._history_key, user=self._user, conversation=conversation)

    def _seal(self, turn: Turn, key: ContentKey, revision: int) -> bytes:
        content = json.dumps({"text": turn.text, "thinking": turn.thinking}, ensure_ascii=False)
        return key.seal(content.encode(), message=turn.uuid, revision=revision)

    def _turn(self, row: Message, key: ContentKey) -> Turn:
        content = json.loads(key.open(bytes(row.sealed), message=str(row.uuid), revision=row.revision))
        return Turn(
            uuid=str(row.uuid),
            parent=str(row.parent) if row.parent else None,
            role=row.role,
            text=content["text"],
            thinking=content["thinking"],
            state=row.state,
            reason=row.reason,
            model=row.model,
            prompt_tokens=row.prompt_tokens,
            completion_tokens=row.completion_tokens,
            total_ms=row.total_ms,
            created_at=row.created_at,
        )


def json_size(turn: Turn) -> int:
    """Return about how many bytes of JSON a turn's content takes on the wire."""
    return len(json.dumps([turn.text, turn.thinking], ensure_ascii=False).encode())


def _page(messages: QuerySet[Message], open_turn: Callable[[Message], Turn]) -> tuple[list[Turn], str | None]:
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


def _parse_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        moment, identity = cursor.split("/")
        return datetime.fromisoformat(moment), int(identity)
    except ValueError as error:
        raise RequestError("not_found") from error

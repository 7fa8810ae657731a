"""Functions that write and read conversations; content enters and leaves the tables encrypted.

Everything here blocks on the database and expects a transaction around it (`confchat.group_commit`). A `Shelf`
exists only where the user's history key was proved, so nothing here can read or write without it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet

from attestation.log.entries import log_deletion
from confchat.errors import RequestError
from confchat.history_key import ContentKey
from confchat.kept_settings import KeptSettings
from confchat.models import Conversation, Message
from confchat.turns import Asked, Turn, json_size

PAGE_SIZE = 100
PAGE_BYTES = 700 * 1024  # of JSON: a page stays under the 1 MiB of a sealed frame
TITLE_CHARACTERS = 80

_TITLE = "title"


class Shelf:
    """The stored conversations of one user under a proved history key of 32 bytes."""

    def __init__(self, history_key: bytes, *, user: str) -> None:
        self._history_key = history_key
        self._user = user

    def ask(self, conversation: str, prompt: Turn, *, answer: Turn | None, model: str) -> Asked:
        """Store a prompt, and its conversation at the first one, and the answer that is about to begin.

        A prompt that was stored before gets the answer that it has. `answer` is null while another one runs.

        Raises:
            RequestError: `message_conflict` (the id with another text), `not_found` (no such parent), `busy`.
        """
        row = self._start_conversation(conversation, title=prompt.text, model=model)
        key, rows = self._key(conversation), _rows_by_uuid(row)
        known = rows.get(prompt.uuid)
        if known is not None:
            stored = self._turn(known, key)
            if (stored.text, stored.role, stored.parent) != (prompt.text, prompt.role, prompt.parent):
                raise RequestError("message_conflict")
            given = [item for item in rows.values() if str(item.parent) == prompt.uuid]
            if given:
                return Asked(given=self._turn(given[-1], key), path=[])
        elif prompt.parent is not None and prompt.parent not in rows:
            raise RequestError("not_found")
        if answer is None:
            raise RequestError("busy", retry=True)
        self._insert(row, key, [answer] if known else [prompt, answer])
        return Asked(given=None, path=[*self._path(rows, key, prompt.parent), prompt])

    def ask_again(self, conversation: str, prompt: str, *, answer: Turn | None) -> Asked:
        """Store another answer that is about to begin, beside those that a stored prompt has.

        Raises:
            RequestError: `not_found`, `busy`.
        """
        row = self._find(conversation)
        key, rows = self._key(conversation), _rows_by_uuid(row)
        if prompt not in rows or rows[prompt].role != Message.Role.USER:
            raise RequestError("not_found")
        if answer is None:
            raise RequestError("busy", retry=True)
        self._insert(row, key, [answer])
        return Asked(given=None, path=self._path(rows, key, prompt))

    def ask_on(self, conversation: str, reply: str, *, is_free: bool) -> Asked:
        """Have an answer that is not whole run again, from where it ended.

        Raises:
            RequestError: `not_found` (no such answer), `not_continuable` (it is whole, or has no words yet), `busy`.
        """
        row = self._find(conversation)
        key, rows = self._key(conversation), _rows_by_uuid(row)
        if reply not in rows or rows[reply].role != Message.Role.ASSISTANT:
            raise RequestError("not_found")
        path = self._path(rows, key, reply)
        if not path[-1].is_continuable:
            raise RequestError("not_continuable")
        if not is_free:
            raise RequestError("busy", retry=True)
        rows[reply].state = Message.State.RUNNING
        rows[reply].save(update_fields=["state"])
        return Asked(given=None, path=path, revision=rows[reply].revision)

    def save_answer(self, conversation: str, turn: Turn, *, revision: int) -> None:
        """Store what there is of an answer, as a later revision; one whose conversation is gone stays gone."""
        owners = Conversation.objects.filter(user_id=self._user, uuid=conversation).values("pk")
        Message.objects.filter(conversation__in=owners, uuid=turn.uuid, revision__lt=revision).update(
            revision=revision,
            sealed=self._seal(turn, self._key(conversation), revision),
            state=turn.state,
            reason=turn.reason,
            prompt_tokens=turn.prompt_tokens,
            completion_tokens=turn.completion_tokens,
            total_ms=turn.total_ms,
        )

    def find_turn(self, conversation: str, message: str) -> Turn:
        """Return one message.

        Raises:
            RequestError: `not_found`.
        """
        row = self._find(conversation).messages.filter(uuid=message).first()
        if row is None:
            raise RequestError("not_found")
        return self._turn(row, self._key(conversation))

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
        """Delete a conversation and its messages for good, and have the log say that this was done."""
        self._find(conversation).delete()
        log_deletion(user=self._user, conversation=conversation)

    def settings(self) -> KeptSettings:
        """Return what the same user wants kept of how he is answered."""
        return KeptSettings(self._history_key, user=self._user)

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

    def _insert(self, row: Conversation, key: ContentKey, turns: list[Turn]) -> None:
        Message.objects.bulk_create(
            Message(
                conversation=row,
                uuid=turn.uuid,
                parent=turn.parent,
                role=turn.role,
                state=turn.state,
                model=turn.model,
                sealed=self._seal(turn, key, 0),
            )
            for turn in turns
        )

    def _path(self, rows: dict[str, Message], key: ContentKey, message: str | None) -> list[Turn]:
        """Return the messages from the first one to `message`, along their parents."""
        path: list[Turn] = []
        while message is not None and message in rows and len(path) < len(rows):
            turn = self._turn(rows[message], key)
            path.append(turn)
            message = turn.parent
        return path[::-1]

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
        times = {"thinking_ms": turn.thinking_ms, "eval_ms": turn.eval_ms}
        content = json.dumps({"text": turn.text, "thinking": turn.thinking, **times}, ensure_ascii=False)
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
            thinking_ms=content.get("thinking_ms"),
            eval_ms=content.get("eval_ms"),
            created_at=row.created_at,
        )


def _rows_by_uuid(row: Conversation) -> dict[str, Message]:
    return {str(message.uuid): message for message in row.messages.order_by("id")}


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
        return datetime.fromisoformat(moment).astimezone(UTC), int(identity)
    except (ValueError, OverflowError) as error:
        raise RequestError("not_found") from error

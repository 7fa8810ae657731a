"""Functions that write and read conversations; content enters and leaves the tables encrypted.

Everything here blocks on the database and expects a transaction around it (`confchat.group_commit`). A `Shelf`
exists only where the user's history key was proved, so nothing here can read or write without it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.db.models import F, Q

from confchat.attachments import keep_documents, keep_vectors, read_document, read_vectors
from confchat.cabinet import Cabinet
from confchat.details import Details, open_details, open_title, set_title
from confchat.documents.document import Document
from confchat.documents.vectors import Vectors
from confchat.errors import RequestError
from confchat.history_key import ContentKey
from confchat.models import Conversation, Message
from confchat.paging import page_messages, parse_cursor
from confchat.retention import kept_conversations
from confchat.turns import Asked, Turn, first_line

LIST_SIZE = 200


class Shelf(Cabinet):
    """The stored conversations of one user under a proved history key of 32 bytes."""

    def ask(
        self, conversation: str, prompt: Turn, *, answer: Turn | None, model: str, documents: Sequence[Document] = ()
    ) -> Asked:
        """Store a prompt, and its conversation at the first one, and the answer that is about to begin.

        A prompt that was stored before gets the answer that it has. `answer` is null while another one runs.

        Raises:
            RequestError: `message_conflict` (the id with another text), `not_found` (no such parent), `busy`,
                `attachments_quota`.
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
        keep_documents(row, documents, key)
        self._insert(row, key, [answer] if known else [prompt, answer])
        return Asked(given=None, path=[*self._path(rows, key, prompt.parent), prompt])

    def ask_again(self, conversation: str, prompt: str, *, answer: Turn | None) -> Asked:
        """Store another answer that is about to begin, beside those that a stored prompt has.

        Raises:
            RequestError: `not_found`, `busy`.
        """
        row = self.find(conversation)
        key, rows = self._key(conversation), _rows_by_uuid(row)
        if prompt not in rows or rows[prompt].role != Message.Role.USER:
            raise RequestError("not_found")
        if answer is None:
            raise RequestError("busy", retry=True)
        self._insert(row, key, [answer])
        self._turn_to_newest(row)
        return Asked(given=None, path=self._path(rows, key, prompt))

    def ask_on(self, conversation: str, reply: str, *, is_free: bool) -> Asked:
        """Have an answer that is not whole run again, from where it ended.

        Raises:
            RequestError: `not_found` (no such answer), `not_continuable` (it is whole, or has no words yet), `busy`.
        """
        row = self.find(conversation)
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

    def parent_of(self, conversation: str, message: str) -> str | None:
        """Return the id of the message that a stored prompt answers, or null at the beginning.

        Raises:
            RequestError: `not_found`: no such prompt.
        """
        row = self.find(conversation).messages.filter(uuid=message, role=Message.Role.USER).first()
        if row is None:
            raise RequestError("not_found")
        return str(row.parent) if row.parent else None

    def take_in(self, conversation: str, turns: list[Turn], *, title: str, updated_at: datetime, **kept: Any) -> None:
        """Store messages from elsewhere, as often as they come; `kept`: `pinned`, `archived`, `folder`, `documents`.

        Raises:
            RequestError: `not_found`: a message's parent is neither here nor before it, or it was just deleted.
        """
        row = self._start_conversation(conversation, title=title, model=turns[-1].model if turns else "")
        known = {str(name) for name in row.messages.values_list("uuid", flat=True)}
        new = [turn for turn in turns if turn.uuid not in known]
        for turn in new:
            if turn.parent is not None and turn.parent not in known:
                raise RequestError("not_found")
            known.add(turn.uuid)
        keep_documents(row, kept.get("documents", ()), self._key(conversation))
        self._insert(row, self._key(conversation), new)
        set_title(row, title, self._key(conversation))
        row.pinned, row.updated_at = kept["pinned"], updated_at
        row.save()
        self._save_details(row, Details(folder=kept["folder"], archived=kept["archived"], titled="user"))

    def save_answer(self, conversation: str, turn: Turn, *, revision: int) -> None:
        """Store what there is of an answer, as a later revision; one whose conversation is gone stays gone."""
        owners = Conversation.objects.filter(user_id=self._user, uuid=conversation)
        Message.objects.filter(conversation__in=owners.values("pk"), uuid=turn.uuid, revision__lt=revision).update(
            revision=revision,
            sealed=self._seal(turn, self._key(conversation), revision),
            state=turn.state,
            reason=turn.reason,
            prompt_tokens=turn.prompt_tokens,
            completion_tokens=turn.completion_tokens,
            total_ms=turn.total_ms,
        )
        if turn.state != Message.State.RUNNING:
            owners.update(changes=F("changes") + 1)

    def read_document(self, conversation: str, uuid: str) -> Document:
        """Return what was read of a file; raises RequestError `not_found`."""
        return read_document(self.find(conversation), uuid, self._key(conversation))

    def read_vectors(self, conversation: str, uuid: str, *, digest: str) -> Vectors | None:
        """Return the vectors that a model of this digest made of a document, if they are there."""
        return read_vectors(self.find(conversation), uuid, digest=digest, key=self._key(conversation))

    def keep_vectors(self, conversation: str, uuid: str, vectors: Vectors, *, digest: str) -> None:
        """Store the vectors of a stored document; raises RequestError `not_found`, `attachments_quota`."""
        keep_vectors(self.find(conversation), uuid, vectors, digest=digest, key=self._key(conversation))

    def find_turn(self, conversation: str, message: str) -> Turn:
        """Return one message.

        Raises:
            RequestError: `not_found`.
        """
        row = self.find(conversation).messages.filter(uuid=message).first()
        if row is None:
            raise RequestError("not_found")
        return self._turn(row, self._key(conversation))

    def list_conversations(self, *, before: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of conversations, the newest first, and the cursor of the next page."""
        rows = kept_conversations(self._user).order_by("-updated_at", "-id")
        if before is not None:
            moment, identity = parse_cursor(before)
            rows = rows.filter(Q(updated_at__lt=moment) | Q(updated_at=moment, id__lt=identity))
        found = list(rows[: LIST_SIZE + 1])
        page = found[:LIST_SIZE]
        rest = f"{page[-1].updated_at.isoformat()}/{page[-1].pk}" if len(found) > LIST_SIZE else None
        return [self._summary(row) for row in page], rest

    def open_conversation(self, conversation: str, *, before: str | None) -> dict[str, Any]:
        """Return a conversation's title and a page of its messages, the newest page first.

        Raises:
            RequestError: `not_found`.
        """
        row, key = self.find(conversation), self._key(conversation)
        messages = row.messages.order_by("-id")
        if before is not None:
            if not before.isascii() or not before.isdigit():
                raise RequestError("not_found")
            messages = messages.filter(id__lt=int(before))
        turns, rest = page_messages(messages, lambda message: self._turn(message, key))
        return {
            "title": open_title(row, key),
            "model": row.model,
            "shown": open_details(row, key).shown,
            "messages": turns[::-1],
            "next": rest,
        }

    def changes(self) -> dict[str, int]:
        """Return, the newest conversation first, a number for each that rises when its words change."""
        rows = kept_conversations(self._user).order_by("-updated_at")
        return {str(name): changes for name, changes in rows.values_list("uuid", "changes")}

    def read_words(self, conversation: str) -> tuple[str, list[Turn]]:
        """Return a conversation's title and messages for a search; nothing where it has gone meanwhile."""
        row = kept_conversations(self._user).filter(uuid=conversation).first()
        if row is None:
            return "", []
        key = self._key(conversation)
        return open_title(row, key) or "", [self._turn(message, key) for message in row.messages.order_by("id")]

    def _start_conversation(self, conversation: str, *, title: str, model: str) -> Conversation:
        if Conversation.objects.filter(user_id=self._user, uuid=conversation).exists():
            row = self.find(conversation)
        else:
            row = Conversation(user_id=uuid.UUID(self._user), uuid=uuid.UUID(conversation), model=model)
            set_title(row, first_line(title), self._key(conversation))
        row.model, row.updated_at, row.changes = model, datetime.now(UTC), row.changes + 1
        row.save()
        self._turn_to_newest(row)
        return row

    def _turn_to_newest(self, row: Conversation) -> None:
        """What was last said is what is shown, whatever branch the user had turned to before."""
        details = self._details(row)
        if details.shown is not None:
            self._save_details(row, replace(details, shown=None))

    def _insert(self, row: Conversation, key: ContentKey, turns: list[Turn]) -> None:
        Message.objects.bulk_create(
            Message(
                conversation=row,
                uuid=turn.uuid,
                parent=turn.parent,
                role=turn.role,
                state=turn.state,
                model=turn.model,
                created_at=turn.created_at,
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

    def _summary(self, row: Conversation) -> dict[str, Any]:
        key = self._key(str(row.uuid))
        details = open_details(row, key)
        return {
            "conversation": str(row.uuid),
            "title": open_title(row, key),
            "titled": details.titled,
            "folder": details.folder,
            "archived": details.archived,
            "pinned": row.pinned,
            "updated_at": int(row.updated_at.timestamp()),
            "model": row.model,
        }

    def _seal(self, turn: Turn, key: ContentKey, revision: int) -> bytes:
        times = {"thinking_ms": turn.thinking_ms, "eval_ms": turn.eval_ms}
        beside = {name: given for name in ("attachments", "sources") if (given := getattr(turn, name))}
        content = json.dumps({"text": turn.text, "thinking": turn.thinking, **times, **beside}, ensure_ascii=False)
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
            attachments=tuple(content.get("attachments", ())),
            sources=tuple(content.get("sources", ())),
            created_at=row.created_at,
        )


def _rows_by_uuid(row: Conversation) -> dict[str, Message]:
    return {str(message.uuid): message for message in row.messages.order_by("id")}

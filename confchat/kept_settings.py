"""How a user wants to be answered, and the prompts that he keeps: encrypted like what he writes.

Everything here blocks on the database and expects a transaction around it, as `confchat.conversations` does.
"""

from __future__ import annotations

import json
from typing import Any

from confchat.errors import RequestError
from confchat.history_key import ContentKey
from confchat.models import Conversation, KeptSetting

_PLACE = "settings"  # where the user's own are bound to, in place of a conversation's id


class KeptSettings:
    """The settings of one user under a proved history key of 32 bytes: his own, and those of single conversations."""

    def __init__(self, history_key: bytes, *, user: str) -> None:
        self._history_key = history_key
        self._user = user

    def read(self, kind: str, *, conversation: str | None = None) -> Any:
        """Return what was kept of a kind, or None; a conversation that is not stored has nothing kept."""
        row = self._rows(kind, conversation).first()
        if row is None:
            return None
        return json.loads(self._key(conversation).open(bytes(row.sealed), message=kind, revision=row.revision))

    def write(self, kind: str, value: Any, *, conversation: str | None = None) -> None:
        """Keep a value in place of the one before; None forgets it.

        Raises:
            RequestError: `not_found`: there is no such conversation.
        """
        if value is None:
            self._rows(kind, conversation).delete()
            return
        row = self._rows(kind, conversation).first() or self._new_row(kind, conversation)
        row.revision += 1
        content = json.dumps(value, ensure_ascii=False).encode()
        row.sealed = self._key(conversation).seal(content, message=kind, revision=row.revision)
        row.save()

    def _rows(self, kind: str, conversation: str | None) -> Any:
        rows = KeptSetting.objects.filter(user_id=self._user, kind=kind)
        return rows.filter(conversation__uuid=conversation) if conversation else rows.filter(conversation=None)

    def _new_row(self, kind: str, conversation: str | None) -> KeptSetting:
        owner = None
        if conversation is not None:
            owner = Conversation.objects.filter(user_id=self._user, uuid=conversation).first()
            if owner is None:
                raise RequestError("not_found")
        return KeptSetting(user_id=self._user, conversation=owner, kind=kind)

    def _key(self, conversation: str | None) -> ContentKey:
        return ContentKey(self._history_key, user=self._user, conversation=conversation or _PLACE)

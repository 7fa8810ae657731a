"""One user's conversations under his proved history key: what they are called, where they lie, and what else is kept.

Everything here blocks on the database and expects a transaction around it (`confchat.group_commit`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from confchat.details import Details, open_details, seal_details, set_title
from confchat.errors import RequestError
from confchat.folders import Folders
from confchat.history_key import ContentKey, check_value, is_enrolled
from confchat.kept_settings import KeptSettings
from confchat.models import Conversation
from confchat.retention import kept_conversations


class Cabinet:
    """What is kept of a user's conversations beside their messages; the history key has 32 bytes."""

    def __init__(self, history_key: bytes, *, user: str) -> None:
        self._history_key = history_key
        self._user = user

    @property
    def owner(self) -> tuple[str, bytes]:
        """The account, and the value by which its key is known."""
        return self._user, check_value(self._history_key, self._user)

    def require_key(self) -> None:
        """Raise RequestError `history_key_wrong` where this key is not the account's any more."""
        if not is_enrolled(*self.owner):
            raise RequestError("history_key_wrong")

    def details_of(self, conversation: str) -> Details:
        """Return what is stored of a conversation beside its messages; raises RequestError `not_found`."""
        return self._details(self.find(conversation))

    def rename_conversation(self, conversation: str, title: str, *, by: str = "user") -> None:
        """Give a conversation another title; the user's own is not replaced by the model's.

        Raises:
            RequestError: `not_found`.
        """
        row = self.find(conversation)
        details = self._details(row)
        if by == "model" and details.titled == "user":
            return
        set_title(row, title, self._key(conversation))
        self._save_details(row, replace(details, titled=by))
        row.save(update_fields=["sealed_title", "title_revision", "changes"])

    def pin_conversation(self, conversation: str, *, pinned: bool) -> None:
        """Pin a conversation, or let go of it; pinned ones are spared by retention."""
        row = self.find(conversation)
        row.pinned = pinned
        row.save(update_fields=["pinned"])

    def change_details(self, conversation: str, **changes: Any) -> None:
        """Change what `Details` says of a conversation."""
        row = self.find(conversation)
        self._save_details(row, replace(self._details(row), **changes))

    def folders(self) -> Folders:
        """Return the same user's folders."""
        return Folders(self._history_key, user=self._user)

    def settings(self) -> KeptSettings:
        """Return what the same user wants kept of how he is answered."""
        return KeptSettings(self._history_key, user=self._user)

    def find(self, conversation: str) -> Conversation:
        """Return the row of a conversation that is neither being deleted nor over its time.

        Raises:
            RequestError: `not_found`.
        """
        row = kept_conversations(self._user).filter(uuid=conversation).first()
        if row is None:
            raise RequestError("not_found")
        return row

    def _details(self, row: Conversation) -> Details:
        return open_details(row, self._key(str(row.uuid)))

    def _save_details(self, row: Conversation, details: Details) -> None:
        seal_details(row, details, self._key(str(row.uuid)))
        row.save(update_fields=["sealed_details", "details_revision"])

    def _key(self, conversation: str) -> ContentKey:
        return ContentKey(self._history_key, user=self._user, conversation=conversation)

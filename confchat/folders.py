"""The user's folders: ids and names, sealed together under his history key. Expects a transaction around it."""

from __future__ import annotations

import json

from confchat.errors import RequestError
from confchat.history_key import ContentKey
from confchat.models import FolderList

MAX_FOLDERS = 200

_PLACE = "folders"  # where a content key names a conversation; no UUID is spelled so


class Folders:
    """The folders of one user under a proved history key of 32 bytes, in the order in which he made them."""

    def __init__(self, history_key: bytes, *, user: str) -> None:
        self._user = user
        self._key = ContentKey(history_key, user=user, conversation=_PLACE)

    def read(self) -> dict[str, str]:
        """Return names by ids."""
        row = FolderList.objects.filter(user_id=self._user).first()
        if row is None:
            return {}
        folders: dict[str, str] = json.loads(self._key.open(bytes(row.sealed), message=_PLACE, revision=row.revision))
        return folders

    def name(self, folder: str, name: str) -> dict[str, str]:
        """Make a folder, or give it another name; return all.

        Raises:
            RequestError: `too_many`.
        """
        folders = {**self.read(), folder: name}
        if len(folders) > MAX_FOLDERS:
            raise RequestError("too_many")
        return self._write(folders)

    def delete(self, folder: str) -> dict[str, str]:
        """Delete a folder; conversations in it stay, in no folder. Return what is left."""
        return self._write({known: name for known, name in self.read().items() if known != folder})

    def _write(self, folders: dict[str, str]) -> dict[str, str]:
        row, _ = FolderList.objects.get_or_create(user_id=self._user, defaults={"sealed": b""})
        row.revision += 1
        content = json.dumps(folders, ensure_ascii=False).encode()
        row.sealed = self._key.seal(content, message=_PLACE, revision=row.revision)
        row.save()
        return folders

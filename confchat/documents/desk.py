"""Files on their way in: in memory alone, until they are sent with a message or an hour has passed.

An owner is an account, its session's conversation, and what only the sessions know that may read what is said there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from confchat.documents.document import Document
from confchat.errors import RequestError

MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_USER_BYTES = 60 * 1024 * 1024  # under way at once
KEEP_S = 3600.0

Owner = tuple[str, str, bytes]


@dataclass(slots=True, kw_only=True)
class Upload:
    """A file as far as it has come, and what was read of it."""

    name: str
    size: int
    touched_at: float
    data: bytearray = field(default_factory=bytearray)
    document: Document | None = None


class Desk:
    """Holds what all users are attaching just now."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._uploads: dict[tuple[Owner, str], Upload] = {}

    def begin(self, owner: Owner, uuid: str, *, name: str, size: int) -> Upload:
        """Return a file, new or as far as it has come.

        Raises:
            RequestError: `attachment_too_large`, or `attachments_full`: too much is under way.
        """
        self.forget_old()
        known = self._uploads.get((owner, uuid))
        if known is not None and (known.name, known.size) == (name, size):
            return known
        if not 0 < size <= MAX_FILE_BYTES:
            raise RequestError("attachment_too_large" if size > 0 else "document_empty")
        waiting = sum(upload.size for (other, _), upload in self._uploads.items() if other[0] == owner[0])
        if waiting + size > MAX_USER_BYTES:
            raise RequestError("attachments_full")
        upload = Upload(name=name, size=size, touched_at=self._clock())
        self._uploads[owner, uuid] = upload
        return upload

    def put(self, owner: Owner, uuid: str, *, offset: int, piece: bytes) -> Upload:
        """Add the next piece; raises RequestError `not_found`, or `offset` where it is another than the next."""
        upload = self.find(owner, uuid)
        if offset != len(upload.data) or offset + len(piece) > upload.size:
            raise RequestError("offset", retry=True)
        upload.data += piece
        upload.touched_at = self._clock()
        return upload

    def find(self, owner: Owner, uuid: str) -> Upload:
        """Return a file under way; raises RequestError `not_found`."""
        upload = self._uploads.get((owner, uuid))
        if upload is None:
            raise RequestError("not_found")
        return upload

    def documents(self, owner: Owner) -> dict[str, Document]:
        """Return what was read of an owner's files, by id."""
        mine = {uuid: upload.document for (other, uuid), upload in self._uploads.items() if other == owner}
        return {uuid: document for uuid, document in mine.items() if document is not None}

    def drop(self, owner: Owner, uuid: str) -> None:
        """Forget a file, if it is there."""
        self._uploads.pop((owner, uuid), None)

    def forget_old(self) -> None:
        """Forget what nobody went on with for an hour."""
        horizon = self._clock() - KEEP_S
        self._uploads = {key: upload for key, upload in self._uploads.items() if upload.touched_at >= horizon}

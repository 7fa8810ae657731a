"""SHA-256 beside other work: hashing runs in a thread of its own, one piece behind."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType


class BackgroundDigest:
    """A SHA-256 whose `update` returns while it still counts; at most one piece waits."""

    def __init__(self) -> None:
        self._hashed = hashlib.sha256()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sha256")
        self._last: Future[None] | None = None

    def __enter__(self) -> BackgroundDigest:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._thread.shutdown()

    def update(self, piece: bytes) -> None:
        """Add a piece, which must not be changed afterwards."""
        self._wait()
        self._last = self._thread.submit(self._hashed.update, piece)

    def hexdigest(self) -> str:
        """Return the digest of all pieces so far, in hex."""
        self._wait()
        return self._hashed.hexdigest()

    def _wait(self) -> None:
        if self._last is not None:
            self._last.result()
            self._last = None

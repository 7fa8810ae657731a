"""SHA-256 of files, streamed; what was hashed is not read again while the file stays as it was.

What a file says of itself (inode, size, times) is believed for the life of this process only: the disk belongs to
somebody else, and may be another one after a restart.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

CHUNK_BYTES = 4 * 1024 * 1024

Stamp: TypeAlias = tuple[int, int, int, int, int]
Progress: TypeAlias = Callable[[int], None]


class FileDigests:
    """Digests by path, each as good as the stamp of its file; used from any thread."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Stamp, str]] = {}
        self._lock = threading.Lock()

    def of(self, path: Path, *, progress: Progress | None = None) -> str:
        """Return a file's SHA-256 in hex; `progress` is told the bytes of each piece.

        Raises:
            OSError: it cannot be read, or changed while it was.
        """
        with self._lock:
            known = self._known.get(path)
        if known is not None and known[0] == stamp_of(path):
            return known[1]
        # Whoever put a pipe there must not make this wait for its other end.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            stamp = _stamp(os.fstat(file.fileno()))
            hashed = hashlib.sha256()
            while chunk := file.read(CHUNK_BYTES):
                hashed.update(chunk)
                if progress is not None:
                    progress(len(chunk))
            if _stamp(os.fstat(file.fileno())) != stamp:
                raise OSError(f"{path} changed while it was read")
        with self._lock:
            self._known[path] = stamp, hashed.hexdigest()
        return hashed.hexdigest()


def stamp_of(path: Path) -> Stamp:
    """Return what tells a file from another one, or from itself before a change. Raises `OSError`."""
    return _stamp(path.stat())


def _stamp(status: os.stat_result) -> Stamp:
    if not stat.S_ISREG(status.st_mode):
        raise OSError("not a regular file")
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns

"""The stored files of an encrypted model, read as if an enemy had written them, and held to the manifest as they are.

No link is followed and no device opened. With a manifest, each file is hashed while it is used, so that nothing can
be exchanged between the check and the use.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

from confchat.vault.digest import BackgroundDigest
from confchat.vault.errors import DamagedError, StorageError
from confchat.vault.manifest import Manifest
from confchat.vault.pieces import read_fully

Kind: TypeAlias = Literal["file", "directory", "symlink"]

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class StoredFiles:
    """The files below one directory; `manifest` None means that nobody vouches for their ends."""

    def __init__(self, directory: Path, *, manifest: Manifest | None) -> None:
        self._directory = directory
        self._manifest = manifest
        self._missing = set(manifest.files) if manifest else set()

    def list_names(self, path: str) -> list[tuple[str, Kind]]:
        """Return names and kinds in one directory, sorted.

        Raises:
            DamagedError: something that is neither file nor directory nor link, or no directory.
            StorageError: it cannot be read.
        """
        try:
            with os.scandir(self._directory / path) as entries:
                return sorted((entry.name, _kind_of(entry, path)) for entry in entries)
        except OSError as error:
            raise _translated(error, path or ".") from error

    def read(self, path: str, *, most: int) -> bytes:
        """Return a small file.

        Raises:
            DamagedError: missing, larger than `most`, or not what the manifest says.
            StorageError: it cannot be read.
        """
        parts = []
        for piece in self.pieces(path, at_once=most + 1):
            parts.append(piece)
            if sum(map(len, parts)) > most:
                raise DamagedError(f"{path} is too large.")
        return b"".join(parts)

    def size(self, path: str) -> int:
        """Return a file's size. Raises as `read` does."""
        with self._opened(path) as file:
            return os.fstat(file.fileno()).st_size

    def read_link(self, path: str) -> str:
        """Return what a symbolic link says, which is encrypted. Links are never part of a manifest.

        Raises:
            DamagedError: there is a manifest, or no link.
        """
        if self._manifest is not None:
            raise DamagedError(f"{path} is a link, and the manifest knows none.")
        try:
            return str((self._directory / path).readlink())
        except OSError as error:
            raise _translated(error, path) from error

    def pieces(self, path: str, *, at_once: int, first: int = 0) -> Iterator[bytes]:
        """Yield a file's bytes: `first` of them, where it is not 0, then `at_once` each time, and fewer at the end.

        The last piece is yielded only when the whole file was found to be as the manifest has it.

        Raises:
            DamagedError: missing, no regular file, or not what the manifest says.
            StorageError: it cannot be read.
        """
        with self._opened(path) as file, BackgroundDigest() as digest:
            held, size = b"", 0
            for piece in _read_pieces(file, path, at_once=at_once, first=first):
                if held:
                    yield held
                if self._manifest is not None:
                    digest.update(piece)
                held, size = piece, size + len(piece)
            if self._manifest is not None:
                self._check(path, size=size, sha256=digest.hexdigest())
            if held:
                yield held

    def check_complete(self) -> None:
        """Refuse a directory that lacks files which the manifest names, or of which some were never read.

        Raises:
            DamagedError: says which.
        """
        if self._missing:
            raise DamagedError(f"{min(self._missing)} is missing, and {len(self._missing) - 1} other files.")

    def _check(self, path: str, *, size: int, sha256: str) -> None:
        assert self._manifest is not None  # noqa: S101  # the caller has looked
        known = self._manifest.files.get(path)
        if known is None:
            raise DamagedError(f"{path} is not in the manifest.")
        if size != known.size:
            raise DamagedError(f"{path} has {size} bytes, and the manifest says {known.size}.")
        if sha256 != known.sha256:
            raise DamagedError(f"{path} is not the file that the manifest names.")
        self._missing.discard(path)

    @contextmanager
    def _opened(self, path: str) -> Iterator[BinaryIO]:
        try:
            with os.fdopen(os.open(self._directory / path, _FLAGS), "rb", buffering=0) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise DamagedError(f"{path} is not a regular file.")
                yield file
        except OSError as error:
            raise _translated(error, path) from error


def _read_pieces(file: BinaryIO, path: str, *, at_once: int, first: int) -> Iterator[bytes]:
    wanted = first or at_once
    try:
        while piece := read_fully(file, wanted):
            yield piece
            wanted = at_once
    except OSError as error:
        raise _translated(error, path) from error


def _kind_of(entry: os.DirEntry[str], path: str) -> Kind:
    if entry.is_symlink():
        return "symlink"
    if entry.is_dir(follow_symlinks=False):
        return "directory"
    if entry.is_file(follow_symlinks=False):
        return "file"
    raise DamagedError(f"{path}/{entry.name} is neither a file nor a directory.")


def _translated(error: OSError, path: str) -> DamagedError | StorageError:
    if error.errno in _GONE:
        return DamagedError(f"{path} is missing, or is not what it should be.")
    return StorageError(f"{path} cannot be read: {error.strerror}.")

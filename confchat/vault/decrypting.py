"""A whole encrypted directory, decrypted into another one: all of it, or nothing that stays."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from confchat.vault.errors import DamagedError, SourceError, StorageError
from confchat.vault.reader import Entry, Vault


def decrypt_into(vault: Vault, target: Path, *, show: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Decrypt everything into `target`, a directory that is empty or is made; nothing stays where it fails.

    `show` is given how many bytes of how many are done. Files are for their owner and his group, as far as the umask
    lets them be: a model server may be another user. Where an open directory has a manifest, a file that is not in it,
    or one that is missing, makes the whole fail.

    Raises:
        SourceError: the target is not empty.
        DamagedError: what `Vault` finds, or a link that leads out of the directory.
        StorageError: a disk fails, or is full.
    """
    with _emptied_on_failure(target):
        entries = list(vault.entries())
        total, done = sum(entry.size for entry in entries), 0
        for entry in entries:
            if entry.kind == "directory":
                _at(target, entry).mkdir(mode=0o750)
        for entry in entries:
            if entry.kind == "symlink":
                _at(target, entry).symlink_to(_inner_target(entry, vault.read_link(entry)))
            elif entry.kind == "file":
                for size in _write(vault, entry, _at(target, entry)):
                    done += size
                    show(done, total)
        vault.check_complete()


def _write(vault: Vault, entry: Entry, path: Path) -> Iterator[int]:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640), "wb") as file:
        for piece in vault.read(entry):
            file.write(piece)
            yield len(piece)


def _at(target: Path, entry: Entry) -> Path:
    return target.joinpath(*entry.path.parts)


def _inner_target(entry: Entry, target: str) -> str:
    """Return where a link leads, if that is inside the directory whatever else is a link in it."""
    path = PurePosixPath(target)
    depth = len(entry.path.parent.parts)
    ups = [index for index, part in enumerate(path.parts) if part == ".."]
    # Only leading steps upwards can be counted: later ones would start from wherever another link leads.
    if path.is_absolute() or ups != list(range(len(ups))) or len(ups) > depth:
        raise DamagedError(f"The link {entry.path} leads out of its directory.")
    return target


@contextmanager
def _emptied_on_failure(target: Path) -> Iterator[None]:
    try:
        target.mkdir(mode=0o750, exist_ok=True)
        if any(target.iterdir()):
            raise SourceError(f"{target} is not empty.")
    except OSError as error:
        raise StorageError(f"{target} cannot be used: {error.strerror}.") from error
    try:
        yield
    except BaseException as error:
        for path in target.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        if isinstance(error, OSError):
            raise StorageError(f"{target} cannot be written: {error.strerror}.") from error
        raise

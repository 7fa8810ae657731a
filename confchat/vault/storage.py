"""An encrypted model sent to a store and brought back: any URL that fsspec knows. The only network of this package.

Only what the manifest names travels, and all of that is encrypted. What is sent is held to the manifest while it is
read; what is brought is held to it before it counts. Both go on where they were ended.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from confchat.vault.digest import BackgroundDigest
from confchat.vault.durable import write_whole
from confchat.vault.errors import DamagedError, SourceError, StorageError
from confchat.vault.manifest import (
    CONTENTS_NAME,
    MANIFEST_NAME,
    MAX_BYTES,
    SIGNATURE_NAME,
    Manifest,
    StoredFile,
    verify_manifest,
)
from confchat.vault.model_directory import parse_signature, read_manifest
from confchat.vault.stored import StoredFiles

PIECE_BYTES = 4 * 2**20
_PART = ".part"
_MODE = 0o644
# gocryptfs' own small files have the same names and sizes in every directory: a size says nothing of them.
_ALWAYS_SENT_BYTES = 64 * 1024
# What stores' libraries raise beside OSError, where they are loaded.
_FOREIGN = (
    *(("aiohttp", "ClientError"), ("botocore.exceptions", "BotoCoreError"), ("botocore.exceptions", "ClientError")),
    ("oss2.exceptions", "OssError"),
)

Show = Callable[[int, int], None]


class Store:
    """One place for one encrypted model: `manifest.json`, `manifest.sig` and `contents/` below a URL."""

    def __init__(self, url: str) -> None:
        try:
            self._files, self._root = fsspec.url_to_fs(url)
        except ImportError as error:
            raise SourceError(f"This kind of URL needs a package that is not installed: {error}.") from error
        except (ValueError, OSError) as error:
            raise SourceError(f"The URL cannot be used: {error}.") from error

    def size(self, path: str) -> int | None:
        """Return a stored file's size, None where it is not there. Raises `StorageError`."""
        with _translated(path):
            try:
                return int(self._files.size(self._at(path)))
            except FileNotFoundError:
                return None

    def send(self, path: str, pieces: Iterator[bytes]) -> None:
        """Store a file from its pieces; where they fail, it is not stored, or is removed. Raises `StorageError`."""
        with _translated(path):
            self._files.makedirs(self._at(path).rpartition("/")[0], exist_ok=True)
            try:
                with self._files.open(self._at(path), "wb", block_size=2 * PIECE_BYTES) as file:
                    for piece in pieces:
                        file.write(piece)
            except DamagedError:
                self._files.rm(self._at(path))
                raise

    def bring(self, path: str, *, start: int, most: int) -> Iterator[bytes]:
        """Yield a stored file's bytes from `start` on, at most `most` and one more. Raises `StorageError`."""
        with _translated(path), self._files.open(self._at(path), "rb", block_size=2 * PIECE_BYTES) as file:
            file.seek(start)
            left = most + 1
            while left > 0 and (piece := file.read(min(PIECE_BYTES, left))):
                left -= len(piece)
                yield piece

    def _at(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}"


def upload(directory: Path, store: Store, *, owner_key: bytes, show: Show = lambda done, total: None) -> Manifest:
    """Send a finished directory; the manifest comes last, so that half a model is never taken for one.

    Files that are there with their size are not sent again.

    Raises:
        DamagedError: the directory is not what its manifest says.
        StorageError: the store fails; the same call goes on.
    """
    manifest = read_manifest(directory, owner_key=owner_key)
    files, done = StoredFiles(directory / CONTENTS_NAME, manifest=manifest), 0
    for file in manifest.files.values():
        path = f"{CONTENTS_NAME}/{file.path}"
        if file.size <= _ALWAYS_SENT_BYTES or store.size(path) != file.size:
            store.send(path, _shown(files.pieces(file.path, at_once=PIECE_BYTES), done, manifest, show))
            if store.size(path) != file.size:
                raise StorageError(f"{path} is not as long in the store as what was sent.")
        done += file.size
        show(done, manifest.total_bytes)
    for name in (SIGNATURE_NAME, MANIFEST_NAME):
        store.send(name, iter([(directory / name).read_bytes()]))
    return manifest


def fetch(store: Store, directory: Path, *, owner_key: bytes, show: Show = lambda done, total: None) -> Manifest:
    """Bring a model into a directory that is new, empty or was begun so before.

    Raises:
        SourceError: the directory holds something else.
        DamagedError: the store holds something else than the owner signed; what was wrong is removed.
        StorageError: the store or the disk fails; the same call goes on, also in the middle of a file.
    """
    data = b"".join(store.bring(MANIFEST_NAME, start=0, most=MAX_BYTES))
    signature = b"".join(store.bring(SIGNATURE_NAME, start=0, most=MAX_BYTES))
    manifest, done = verify_manifest(data, parse_signature(signature), key=owner_key), 0
    try:
        _check_target(directory, manifest)
        for file in manifest.files.values():
            for size in _fetch_file(store, directory / CONTENTS_NAME / file.path, file):
                done += size
                show(done, manifest.total_bytes)
        write_whole(directory / SIGNATURE_NAME, signature, mode=_MODE)
        write_whole(directory / MANIFEST_NAME, data, mode=_MODE)
    except OSError as error:
        raise StorageError(f"{error.filename or directory}: {error.strerror}.") from error
    return manifest


def _shown(pieces: Iterator[bytes], done: int, manifest: Manifest, show: Show) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        done += len(piece)
        show(done, manifest.total_bytes)


def _check_target(directory: Path, manifest: Manifest) -> None:
    """Take a directory only where everything in it is of this manifest."""
    contents = directory / CONTENTS_NAME
    contents.mkdir(parents=True, exist_ok=True)
    for path in directory.rglob("*"):
        known = path.is_relative_to(contents) and not path.is_symlink()
        name = path.relative_to(contents).as_posix() if known else ""
        if path == contents or (path.is_dir() and known) or path.name in (MANIFEST_NAME, SIGNATURE_NAME):
            continue
        if name not in manifest.files and name.removesuffix(_PART) not in manifest.files:
            raise SourceError(f"{directory} holds something else: {path.name}. Name a new directory.")


def _fetch_file(store: Store, path: Path, file: StoredFile) -> Iterator[int]:
    """Bring one file, or the rest of it; yield how many bytes each step was."""
    if path.exists() and _sha256(path) == file.sha256:
        yield file.size
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + _PART) if len(path.name) < 250 else path.with_name(path.name[:240] + _PART)
    with part.open("a+b") as target, BackgroundDigest() as digest:
        target.seek(0)
        size = 0
        while piece := target.read(PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
            yield len(piece)
        for piece in store.bring(f"{CONTENTS_NAME}/{file.path}", start=size, most=file.size - size):
            target.write(piece)
            digest.update(piece)
            size += len(piece)
            yield len(piece)
        is_whole = size == file.size and digest.hexdigest() == file.sha256
    if size < file.size:
        raise StorageError(f"{file.path} ended early in the store: {size} of {file.size} bytes.")
    if not is_whole:
        part.unlink()
        raise DamagedError(f"{file.path} is not in the store as its owner signed it.")
    part.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise StorageError(f"{path} is not in the store.") from error
    except PermissionError as error:
        raise StorageError(f"The store does not let {path} be read or written: are the credentials right?") from error
    except (OSError, ImportError, ValueError, *_foreign_errors()) as error:
        raise StorageError(f"The store failed at {path}: {type(error).__name__}. Try again later.") from error


def _foreign_errors() -> list[Any]:
    return [getattr(sys.modules[module], name) for module, name in _FOREIGN if module in sys.modules]

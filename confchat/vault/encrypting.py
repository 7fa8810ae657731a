"""A model encrypted into a directory: `contents/` in gocryptfs' format, and beside it the signed manifest.

Whatever ends it, the same call goes on where it was. The manifest is written last: a directory without one is not
finished, and one that has one is never written again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from attestation.encoding import b64encode
from confchat.vault.durable import write_whole
from confchat.vault.errors import SourceError, StorageError
from confchat.vault.journal import FILE_NAME as JOURNAL_NAME
from confchat.vault.journal import Journal
from confchat.vault.manifest import (
    CONTENTS_NAME,
    MANIFEST_NAME,
    SIGNATURE_NAME,
    Format,
    StoredFile,
    build_manifest,
    sign_manifest,
)
from confchat.vault.writer import Encryption, SourceFile, VaultWriter

_MODE = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who vouches for a manifest, and when."""

    signing_key: Ed25519PrivateKey
    now: int


def is_begun(directory: Path) -> bool:
    """Say whether something was encrypted into a directory and not finished."""
    return (directory / JOURNAL_NAME).exists()


def encrypt_files(
    sources: Sequence[SourceFile],
    directory: Path,
    *,
    encryption: Encryption,
    owner: Owner,
    show: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Encrypt files into a directory that is new, empty, or was begun so before.

    Raises:
        SourceError: the directory holds something else, or a source changed meanwhile.
        WrongKeyError: it was begun with another key.
        DamagedError: what was begun is damaged.
        StorageError: a disk fails, or is full; the same call goes on from there.
    """
    try:
        _prepare(directory)
        with Journal(directory) as journal:
            contents = directory / CONTENTS_NAME
            writer = VaultWriter(contents, encryption, journal=journal)
            _write_all(writer, sources, show)
            files = _describe(contents, writer, journal)
            write_manifest(directory, files, kind="gocryptfs", owner=owner)
            journal.path.unlink()
    except OSError as error:
        raise StorageError(f"{error.filename or directory}: {error.strerror}.") from error


def write_manifest(directory: Path, files: Sequence[StoredFile], *, kind: Format, owner: Owner) -> None:
    """Sign what `contents/` holds, and so finish a directory. Raises `UnsupportedError`, `OSError`."""
    manifest = build_manifest(files, kind=kind, created_at=owner.now)
    signature = b64encode(sign_manifest(manifest, owner.signing_key)).encode("ascii") + b"\n"
    write_whole(directory / SIGNATURE_NAME, signature, mode=_MODE)
    write_whole(directory / MANIFEST_NAME, manifest, mode=_MODE)


def _prepare(directory: Path) -> None:
    directory.mkdir(mode=0o755, exist_ok=True)
    if is_begun(directory):
        return
    if (directory / MANIFEST_NAME).exists():
        raise SourceError(f"{directory} holds an encrypted model already: remove it, or name another directory.")
    if any(directory.iterdir()):
        raise SourceError(f"{directory} is not empty.")


def _write_all(writer: VaultWriter, sources: Sequence[SourceFile], show: Callable[[int, int], None]) -> None:
    total, done = sum(source.file.stat().st_size for source in sources), 0
    for source in sources:
        for size in writer.write(source):
            done += size
            show(done, total)


def _describe(contents: Path, writer: VaultWriter, journal: Journal) -> list[StoredFile]:
    """Return what the manifest will name; a file that this source has not put there is of another one."""
    there = {path.relative_to(contents).as_posix() for path in contents.rglob("*") if not path.is_dir()}
    if there != writer.written:
        raise SourceError("The source has other files than when this was begun: begin in another directory.")
    digests = {step.path: step.sha256 for step in journal.completed()}
    return [_describe_file(contents, path, digests.get(path)) for path in sorted(there)]


def _describe_file(contents: Path, path: str, sha256: str | None) -> StoredFile:
    """Describe a file whose digest is known, or a small one of gocryptfs' own."""
    file = contents / path
    if sha256 is None:
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return StoredFile(path=path, size=file.stat().st_size, sha256=sha256)

"""A gocryptfs directory, written: directories, names and contents, each of which can be gone on with after a kill."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from confchat.vault import configuration, content
from confchat.vault.configuration import VaultKeys, build_configuration, parse_configuration, unlock
from confchat.vault.content import BLOCKS_AT_ONCE, FILE_ID_SIZE, HEADER_SIZE, PLAIN_BLOCK, STORED_BLOCK
from confchat.vault.digest import BackgroundDigest
from confchat.vault.durable import sync_directory, write_whole
from confchat.vault.errors import SourceError
from confchat.vault.journal import Journal, Step
from confchat.vault.names import DIRECTORY_IV_NAME, DIRECTORY_IV_SIZE, LONG_SUFFIX, encrypt_name, short_name
from confchat.vault.pieces import read_fully

# After this many stored bytes a file is brought to disk, and that noted: so much is done again after a crash.
CHECKPOINT_BYTES = 64 * 2**20
_READ_ONLY = 0o440
# A mount shows the modes of what is stored, and the model server is another user than who mounts.
_DIRECTORY = 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file to encrypt, and where it shall lie: a relative path without `.` and `..`."""

    path: PurePosixPath
    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """How to encrypt: the key as a password, where chance comes from, what guessing a key and a crash may cost."""

    password: bytes
    randomness: Callable[[int], bytes]
    scrypt_n: int = configuration.SCRYPT_N
    checkpoint_bytes: int = CHECKPOINT_BYTES


class VaultWriter:
    """Writes into one directory, which is made with a new master key, or gone on with under the same password."""

    def __init__(self, directory: Path, encryption: Encryption, *, journal: Journal) -> None:
        self._directory = directory
        self._journal = journal
        self._encryption = encryption
        self._directory.mkdir(mode=_DIRECTORY, exist_ok=True)
        self._keys = self._open()
        self._stored_paths = {PurePosixPath(): ""}
        self.written = {configuration.FILE_NAME, self._directory_iv_path("")}

    def write(self, source: SourceFile) -> Iterator[int]:
        """Encrypt one file, or the rest of it; yield how many bytes in clear each step was.

        Raises:
            SourceError: it changed while it was read, or since it was begun.
            OSError: it cannot be read, or the directory not be written.
        """
        stored_path = self._stored_path_of_file(source.path)
        with source.file.open("rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise SourceError(f"{source.path} is not a regular file.")
            step = self._last_step(stored_path, status)
            if step.sha256 is not None:
                yield step.source_size
                return
            yield from self._write_content(file, step)
            after = os.fstat(file.fileno())
        if (after.st_size, after.st_mtime_ns) != (status.st_size, status.st_mtime_ns):
            raise SourceError(f"{source.path} changed while it was read.")

    def _write_content(self, source: BinaryIO, step: Step) -> Iterator[int]:
        path = self._directory / step.path
        with path.open("r+b" if step.stored else "wb", buffering=0) as file, BackgroundDigest() as digest:
            sealing = _Sealing(file, digest, keys=self._keys, randomness=self._encryption.randomness)
            done = sealing.go_on(step.stored) if step.stored else sealing.begin(step.source_size)
            if done:
                yield done
            source.seek(done)
            noted = step.stored
            while done < step.source_size:
                size = sealing.add(source, at=done)
                done += size
                if sealing.stored - noted >= self._encryption.checkpoint_bytes and done % PLAIN_BLOCK == 0:
                    self._note(step, file, stored=sealing.stored)
                    noted = sealing.stored
                yield size
            if sealing.stored != content.stored_size(step.source_size):
                raise SourceError(f"{source.name} changed while it was read.")
            self._note(step, file, stored=sealing.stored, sha256=digest.hexdigest())
        sync_directory(path.parent)

    def _note(self, step: Step, file: BinaryIO, *, stored: int, sha256: str | None = None) -> None:
        os.fsync(file.fileno())
        self._journal.record(
            Step(
                path=step.path,
                source_size=step.source_size,
                source_time_ns=step.source_time_ns,
                stored=stored,
                sha256=sha256,
            )
        )

    def _last_step(self, stored_path: str, status: os.stat_result) -> Step:
        """Return how far a file is; one whose source is another now begins anew."""
        new = Step(path=stored_path, source_size=status.st_size, source_time_ns=status.st_mtime_ns, stored=0)
        last = self._journal.last(stored_path)
        if last is None or (last.source_size, last.source_time_ns) != (new.source_size, new.source_time_ns):
            return new
        try:
            is_there = (self._directory / stored_path).stat().st_size >= last.stored
        except FileNotFoundError:
            is_there = False
        return last if is_there else new

    def _stored_path_of_file(self, path: PurePosixPath) -> str:
        stored_path = self._store_name(path)
        self.written.add(stored_path)
        return stored_path

    def _stored_path_of_directory(self, path: PurePosixPath) -> str:
        if path not in self._stored_paths:
            stored_path = self._store_name(path)
            (self._directory / stored_path).mkdir(mode=_DIRECTORY, exist_ok=True)
            self._stored_paths[path] = stored_path
            self.written.add(self._directory_iv_path(stored_path))
            self._directory_iv(stored_path)
        return self._stored_paths[path]

    def _store_name(self, path: PurePosixPath) -> str:
        """Return where a path is stored; what it needs for that is written."""
        parent = self._stored_path_of_directory(path.parent)
        encrypted = encrypt_name(path.name, cipher=self._keys.names, directory_iv=self._directory_iv(parent))
        stored_path = _join(parent, short_name(encrypted))
        if short_name(encrypted) != encrypted:
            self.written.add(stored_path + LONG_SUFFIX)
            if not (self._directory / (stored_path + LONG_SUFFIX)).exists():
                write_whole(self._directory / (stored_path + LONG_SUFFIX), encrypted.encode("ascii"), mode=_READ_ONLY)
        return stored_path

    def _directory_iv(self, stored_path: str) -> bytes:
        path = self._directory / self._directory_iv_path(stored_path)
        if not path.exists():
            write_whole(path, self._encryption.randomness(DIRECTORY_IV_SIZE), mode=_READ_ONLY)
        return path.read_bytes()

    def _directory_iv_path(self, stored_path: str) -> str:
        return _join(stored_path, DIRECTORY_IV_NAME)

    def _open(self) -> VaultKeys:
        path = self._directory / configuration.FILE_NAME
        if path.exists():
            return unlock(parse_configuration(path.read_bytes()), self._encryption.password)
        data, keys = build_configuration(
            self._encryption.password, randomness=self._encryption.randomness, n=self._encryption.scrypt_n
        )
        write_whole(path, data, mode=_READ_ONLY)
        return keys


class _Sealing:
    """One stored file as it grows; every stored byte goes through the digest once."""

    def __init__(
        self, file: BinaryIO, digest: BackgroundDigest, *, keys: VaultKeys, randomness: Callable[[int], bytes]
    ) -> None:
        self._file = file
        self._digest = digest
        self._keys = keys
        self._randomness = randomness
        self._file_id = b""
        self.stored = 0

    def begin(self, source_size: int) -> int:
        """Write the header; an empty file has none. Return that nothing is done."""
        if source_size:
            self._file_id = self._randomness(FILE_ID_SIZE)
            self._write(content.VERSION + self._file_id)
        return 0

    def go_on(self, stored: int) -> int:
        """Hash what is stored, cut off what came after, and return how many bytes in clear that are."""
        self._file.truncate(stored)
        while piece := self._file.read(BLOCKS_AT_ONCE * STORED_BLOCK):
            if not self.stored:
                self._file_id = content.parse_header(piece[:HEADER_SIZE], name="a file that was begun")
            self._digest.update(piece)
            self.stored += len(piece)
        return content.plain_size(self.stored, name="a file that was begun")

    def add(self, source: BinaryIO, *, at: int) -> int:
        """Encrypt the next piece of the source; return how many bytes it had."""
        plain = read_fully(source, BLOCKS_AT_ONCE * PLAIN_BLOCK)
        if not plain:
            raise SourceError(f"{source.name} became shorter while it was read.")
        self._write(
            content.seal_blocks(
                plain,
                cipher=self._keys.content,
                file_id=self._file_id,
                first=at // PLAIN_BLOCK,
                randomness=self._randomness,
            )
        )
        return len(plain)

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self.stored += len(data)
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]


def _join(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name

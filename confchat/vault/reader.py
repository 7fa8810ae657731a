"""A gocryptfs directory, read with its key: names and contents in clear, block by block.

vault = open_vault(directory, password, manifest=manifest)
for entry in vault.entries():
    if entry.kind == "file":
        for piece in vault.read(entry): ...
vault.check_complete()
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cryptography.exceptions import InvalidTag

from attestation.encoding import b64decode
from attestation.errors import MalformedError
from confchat.vault import configuration, content
from confchat.vault.configuration import VaultKeys, parse_configuration, unlock
from confchat.vault.content import BLOCKS_AT_ONCE, HEADER_SIZE, IV_SIZE, STORED_BLOCK
from confchat.vault.errors import DamagedError
from confchat.vault.manifest import Manifest
from confchat.vault.names import (
    DIRECTORY_IV_NAME,
    DIRECTORY_IV_SIZE,
    LONG_PREFIX,
    LONG_SUFFIX,
    MAX_STORED_BYTES,
    decrypt_name,
    short_name,
)
from confchat.vault.stored import Kind, StoredFiles

_LINK_AAD = bytes(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file, directory or link; `stored_path` is where it lies encrypted, and `size` counts bytes in clear."""

    path: PurePosixPath
    stored_path: str
    kind: Kind
    size: int


def open_vault(directory: Path, password: bytes, *, manifest: Manifest | None) -> Vault:
    """Open a directory with its key; `manifest` None accepts that files may be cut, missing or old.

    Raises:
        WrongKeyError, UnsupportedError, DamagedError, StorageError: as their names say.
    """
    files = StoredFiles(directory, manifest=manifest)
    data = files.read(configuration.FILE_NAME, most=configuration.MAX_FILE_BYTES)
    return Vault(files, unlock(parse_configuration(data), password))


class Vault:
    """An open directory. Reads only."""

    def __init__(self, files: StoredFiles, keys: VaultKeys) -> None:
        self._files = files
        self._keys = keys

    def entries(self) -> Iterator[Entry]:
        """Yield everything in it, a directory before what it holds.

        Raises:
            DamagedError: a name that was changed, or leads elsewhere; an impossible size; something out of place.
            StorageError: it cannot be read.
        """
        waiting = [(PurePosixPath(), "")]
        while waiting:
            path, stored_path = waiting.pop()
            for entry in self._entries_of(path, stored_path):
                yield entry
                if entry.kind == "directory":
                    waiting.append((entry.path, entry.stored_path))

    def read(self, entry: Entry) -> Iterator[bytes]:
        """Yield a file's content in pieces of at most half a megabyte, each authenticated before it is yielded.

        Raises:
            DamagedError: changed, with a hole, or not what the manifest says.
            StorageError: it cannot be read.
        """
        name = str(entry.path)
        pieces = self._files.pieces(entry.stored_path, at_once=BLOCKS_AT_ONCE * STORED_BLOCK, first=HEADER_SIZE)
        header = next(pieces, None)
        if header is None:
            return
        file_id = content.parse_header(header, name=name)
        number = 0
        for piece in pieces:
            yield content.open_blocks(piece, cipher=self._keys.content, file_id=file_id, first=number, name=name)
            number += BLOCKS_AT_ONCE
        if not number:
            raise DamagedError(f"{name} is cut off after its header.")

    def read_link(self, entry: Entry) -> str:
        """Return where a symbolic link leads, which may be anywhere.

        Raises:
            DamagedError: changed, or there is a manifest, which knows no links.
        """
        try:
            data = b64decode(self._files.read_link(entry.stored_path))
            target = self._keys.content.decrypt(data[:IV_SIZE], data[IV_SIZE:], _LINK_AAD)
        except (MalformedError, InvalidTag, ValueError) as error:
            raise DamagedError(f"The link {entry.path} was changed.") from error
        return target.decode("utf-8", "surrogateescape")

    def check_complete(self) -> None:
        """Refuse a directory of which the manifest knows files that were not read. Raises `DamagedError`."""
        self._files.check_complete()

    def _entries_of(self, path: PurePosixPath, stored_path: str) -> Iterator[Entry]:
        listed = self._files.list_names(stored_path)
        directory_iv = self._directory_iv(stored_path)
        names = {name for name, _ in listed}
        for name, kind in listed:
            if name == DIRECTORY_IV_NAME or (name == configuration.FILE_NAME and not stored_path):
                continue
            if name.startswith(LONG_PREFIX) and name.endswith(LONG_SUFFIX):
                if name.removesuffix(LONG_SUFFIX) not in names:
                    raise DamagedError(f"{name} names a file that is missing.")
                continue
            encrypted = self._encrypted_name(stored_path, name)
            plain = decrypt_name(encrypted, cipher=self._keys.names, directory_iv=directory_iv)
            yield self._entry(path / plain, _join(stored_path, name), kind)

    def _entry(self, path: PurePosixPath, stored_path: str, kind: Kind) -> Entry:
        size = 0
        if kind == "file":
            size = content.plain_size(self._files.size(stored_path), name=str(path))
        return Entry(path=path, stored_path=stored_path, kind=kind, size=size)

    def _directory_iv(self, stored_path: str) -> bytes:
        path = _join(stored_path, DIRECTORY_IV_NAME)
        directory_iv = self._files.read(path, most=DIRECTORY_IV_SIZE)
        if len(directory_iv) != DIRECTORY_IV_SIZE or not any(directory_iv):
            raise DamagedError(f"{path} is cut off, or a hole.")
        return directory_iv

    def _encrypted_name(self, stored_path: str, name: str) -> str:
        if not name.startswith(LONG_PREFIX):
            return name
        data = self._files.read(_join(stored_path, name + LONG_SUFFIX), most=MAX_STORED_BYTES)
        encrypted = data.decode("ascii", "replace")
        if short_name(encrypted) != name:
            raise DamagedError(f"The long name of {name} was exchanged.")
        return encrypted


def _join(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name

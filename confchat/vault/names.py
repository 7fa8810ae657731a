"""File names as gocryptfs stores them with its default flags: EMENames, DirIV, LongNames, Raw64."""

from __future__ import annotations

import hashlib

from attestation.encoding import b64decode, b64encode
from attestation.errors import MalformedError
from confchat.vault.eme import BLOCK_SIZE, MAX_BLOCKS, Eme
from confchat.vault.errors import DamagedError, SourceError

DIRECTORY_IV_NAME = "gocryptfs.diriv"
DIRECTORY_IV_SIZE = 16
LONG_PREFIX = "gocryptfs.longname."
LONG_SUFFIX = ".name"
MAX_NAME_BYTES = 255
# The longest stored name: 16 blocks in base64url.
MAX_STORED_BYTES = 342
_SEPARATORS = ("/", "\0")


def encrypt_name(name: str, *, cipher: Eme, directory_iv: bytes) -> str:
    """Return the full encrypted name; where it is over 255 bytes, `short_name` is what the directory shows.

    Raises:
        SourceError: a name that no file may have, or that gocryptfs cannot store.
    """
    data = name.encode("utf-8", "surrogateescape")
    if not 1 <= len(data) <= MAX_NAME_BYTES or _leads_elsewhere(name):
        raise SourceError(f"{name!r} cannot be the name of a file.")
    padding = BLOCK_SIZE - len(data) % BLOCK_SIZE
    return b64encode(cipher.encrypt(data + bytes([padding]) * padding, tweak=directory_iv))


def short_name(encrypted: str) -> str:
    """Return what a directory shows for an encrypted name: itself, or a digest of a long one."""
    if len(encrypted) <= MAX_NAME_BYTES:
        return encrypted
    return LONG_PREFIX + b64encode(hashlib.sha256(encrypted.encode("ascii")).digest())


def decrypt_name(encrypted: str, *, cipher: Eme, directory_iv: bytes) -> str:
    """Return the name in clear; bytes that are not UTF-8 come as surrogate escapes, as Python's `os` has them.

    Raises:
        DamagedError: not a name that was encrypted for this directory, or one that would lead out of it.
    """
    try:
        data = b64decode(encrypted)
    except MalformedError as error:
        raise DamagedError(f"The name {encrypted!r} is not one that gocryptfs writes.") from error
    if not data or len(data) % BLOCK_SIZE or len(data) > MAX_BLOCKS * BLOCK_SIZE:
        raise DamagedError(f"The name {encrypted!r} is cut off.")
    name = _unpad(cipher.decrypt(data, tweak=directory_iv), encrypted).decode("utf-8", "surrogateescape")
    if _leads_elsewhere(name):
        raise DamagedError(f"The name {encrypted!r} would lead out of its directory.")
    return name


def _unpad(data: bytes, encrypted: str) -> bytes:
    count = data[-1]
    if not 1 <= count <= BLOCK_SIZE or data[-count:] != bytes([count]) * count or count == len(data):
        raise DamagedError(f"The name {encrypted!r} does not belong to this directory, or was changed.")
    return data[:-count]


def _leads_elsewhere(name: str) -> bool:
    return name in (".", "..") or any(separator in name for separator in _SEPARATORS)

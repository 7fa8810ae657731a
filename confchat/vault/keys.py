"""The key of an encrypted model, as a broker keeps it: one line of text, which is gocryptfs' password.

What is read here is any key that gocryptfs would take; what is encrypted with must be strong, since whoever has the
stored files can try keys for as long as he likes.
"""

from __future__ import annotations

import os
import stat
import string
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from attestation.encoding import b64encode
from confchat.vault.errors import KeyRefusedError, StorageError

RANDOM_BYTES = 32
# gocryptfs reads no more of a password (internal/readpassword).
MAX_KEY_BYTES = 2048
_LEAST_SIGNS, _LEAST_DIFFERENT = 22, 10
_LONGEST_PERIOD = 8


def new_key(randomness: Callable[[int], bytes]) -> bytes:
    """Return 256 random bits as 43 signs of base64url."""
    return b64encode(randomness(RANDOM_BYTES)).encode("ascii")


def parse_key(data: bytes) -> bytes:
    """Return a key as gocryptfs reads it from a file: without the one line end that may follow.

    Raises:
        KeyRefusedError: empty, longer than 2048 bytes, or of several lines, of which gocryptfs would take the first.
    """
    key = data.removesuffix(b"\n")
    if not key:
        raise KeyRefusedError("The key is empty.")
    if len(key) > MAX_KEY_BYTES:
        raise KeyRefusedError(f"The key has more than {MAX_KEY_BYTES} bytes, which gocryptfs would not read.")
    if b"\n" in key or b"\r" in key or b"\0" in key:
        raise KeyRefusedError("The key has more than one line, of which gocryptfs would read the first alone.")
    return key


def check_strength(key: bytes) -> None:
    """Refuse a key that somebody may have thought up. A random one passes: 128 bits in hex, or more.

    Raises:
        KeyRefusedError: says why.
    """
    if len(key) < _LEAST_SIGNS:
        raise KeyRefusedError(
            f"The key is weak: {_LEAST_SIGNS} signs are the least, as 128 random bits in base64 have."
        )
    if len(set(key)) < _LEAST_DIFFERENT:
        raise KeyRefusedError(f"The key is weak: it has fewer than {_LEAST_DIFFERENT} different signs.")
    if any(key[period:] == key[:-period] for period in range(1, _LONGEST_PERIOD + 1)) or _repeats(key):
        raise KeyRefusedError("The key is weak: a part of it is repeated.")
    if _is_a_run(key):
        raise KeyRefusedError("The key is weak: its signs follow each other in the alphabet or on the keyboard.")
    if set(key) <= set(string.ascii_lowercase.encode() + b" ") or set(key) <= set(string.ascii_uppercase.encode()):
        raise KeyRefusedError("The key is weak: it may be words. Let this command make one, or add digits.")


def read_key(path: Path) -> bytes:
    """Read a key from a file that only its owner may read.

    Raises:
        KeyRefusedError: readable by others, or not a key.
        StorageError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(MAX_KEY_BYTES + 2)
    except OSError as error:
        raise StorageError(f"The key cannot be read from {path}: {error.strerror}.") from error
    if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyRefusedError(f"{path} is readable by others than its owner: chmod 600 it, and take another key.")
    return parse_key(data)


def write_key(path: Path, key: bytes) -> None:
    """Write a key to a new file of mode 0600, on disk when this returns.

    Raises:
        StorageError: there is a file already, or it cannot be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(key + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(f"The key cannot be written to {path}: {error.strerror}.") from error


def _repeats(key: bytes) -> bool:
    """Say whether a key is a part and that part again, whatever its length."""
    return key in (key + key)[1:-1]


def _is_a_run(key: bytes) -> bool:
    steps = {second - first for first, second in pairwise(key)}
    rows = (b"qwertyuiopasdfghjklzxcvbnm", b"1234567890qwertyuiopasdfghjklzxcvbnm")
    return len(steps) <= 2 or any(key.lower() in row + row for row in rows)

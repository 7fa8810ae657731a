"""A user's history key as he carries it: the recovery code that his browser shows (docs/PROTOCOL.md section 8)."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from attestation.client.access import read_secret
from attestation.errors import ConfigurationError, MalformedError

KEY_SIZE, CHECK_SIZE = 32, 3

_LABEL = b"confchat/1 recovery code\x00"
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LETTER_BITS = 5
_LENGTH = (KEY_SIZE + CHECK_SIZE) * 8 // _LETTER_BITS
_LEFT_OUT = re.compile(r"[\s\-‐-―−ー]")
_ALIKE = str.maketrans("OILU", "011V")


def parse_history_key(code: str) -> bytes:
    """Return the key (32 bytes) of a recovery code: any case, with or without hyphens and blanks.

    Raises:
        MalformedError: not such a code, or a letter of it is wrong. Nothing is guessed, unlike in the page.
    """
    letters = _LEFT_OUT.sub("", code.upper()).translate(_ALIKE)
    if len(letters) != _LENGTH or not set(letters) <= set(_LETTERS):
        raise MalformedError("not a recovery code")
    number = 0
    for letter in letters:
        number = number << _LETTER_BITS | _LETTERS.index(letter)
    data = number.to_bytes(KEY_SIZE + CHECK_SIZE, "big")
    key, check = data[:KEY_SIZE], data[KEY_SIZE:]
    if hashlib.sha256(_LABEL + key).digest()[:CHECK_SIZE] != check:
        raise MalformedError("a letter of the recovery code is wrong")
    return key


def read_history_key(path: Path) -> bytes:
    """Read a recovery code from a file that nobody else may read. Raises `ConfigurationError`."""
    try:
        return parse_history_key(read_secret(path))
    except MalformedError as error:
        raise ConfigurationError(f"{path}: {error}") from error

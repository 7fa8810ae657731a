"""The forms that members of messages have: each function takes a parsed value and refuses any other form.

All raise `MalformedError`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TypeVar

from attestation.errors import MalformedError

MAX_TEXT_CHARACTERS = 1024

T = TypeVar("T")


def is_uuid4(value: object) -> bool:
    """Say whether a value is the canonical lower-case text of a version 4 UUID."""
    if not isinstance(value, str) or len(value) != 36:
        return False
    try:
        parsed = uuid.UUID(value)
    except ValueError:
        return False
    return parsed.version == 4 and str(parsed) == value


def parse_text(value: object, *, longest: int = MAX_TEXT_CHARACTERS) -> str:
    """Return a text of at most `longest` characters."""
    if not isinstance(value, str) or len(value) > longest:
        raise MalformedError("not a text")
    return value


def parse_uuid4(value: object) -> str:
    """Return a canonical version 4 UUID as text."""
    if not is_uuid4(value):
        raise MalformedError("not a UUID")
    return str(value)


def parse_flag(value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise MalformedError("not true or false")
    return value


def parse_integer(value: object) -> int:
    """Return an integer; true and false are none."""
    if type(value) is not int:
        raise MalformedError("not an integer")
    return value


def parse_optional(value: object, parse: Callable[[object], T]) -> T | None:
    """Return null, or what `parse` makes of a value that is there."""
    return None if value is None else parse(value)

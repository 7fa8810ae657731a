"""The encodings of the wire: unpadded base64url and strict JSON (docs/PROTOCOL.md, Notation)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from attestation.errors import MalformedError

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 16
FLOAT_MEMBERS = frozenset({"options", "usage"})

_B64_ALPHABET = re.compile(r"[A-Za-z0-9_-]*\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")


def b64encode(data: bytes) -> str:
    """Encode bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def b64decode(text: object, *, size: int | None = None) -> bytes:
    """Decode canonical unpadded base64url; `size` is the exact number of bytes expected.

    Raises:
        MalformedError: not a string, padding, another alphabet, last bits not zero, other size.
    """
    if not isinstance(text, str) or not _B64_ALPHABET.match(text) or len(text) % 4 == 1:
        raise MalformedError("not base64url without padding")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise MalformedError("not base64url without padding") from error
    if b64encode(data) != text:
        raise MalformedError("not canonical base64url")
    if size is not None and len(data) != size:
        raise MalformedError(f"expected {size} bytes, got {len(data)}")
    return data


def b64decode_standard(text: object) -> bytes:
    """Decode canonical base64 of the standard alphabet with its padding (RFC 4648 section 4), as others write it.

    Raises:
        MalformedError: not a string, no padding, another alphabet, last bits not zero.
    """
    if not isinstance(text, str) or len(text) % 4 or "-" in text or "_" in text or text.endswith("==="):
        raise MalformedError("not base64 with padding")
    return b64decode(text.rstrip("=").replace("+", "-").replace("/", "_"))


def parse_json(data: bytes) -> Any:
    """Parse strict JSON: UTF-8 without BOM, unique members, no NaN, depth at most 16.

    Integers are plain digits up to 2^53-1; floats and negative numbers are accepted only inside
    members named `options` and `usage`.

    Raises:
        MalformedError: anything else.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique_members,
            parse_int=_integer,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError) as error:
        raise MalformedError("not strict JSON") from error
    for depth, free, item in _walk(value):
        _check_value(item, depth=depth, numbers_are_free=free)
    return value


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER or digits == "-0":
        raise ValueError("integer out of range")
    return int(digits)


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _walk(value: Any) -> Iterator[tuple[int, bool, Any]]:
    """Yield (depth, whether floats may stand here, value) for every value and member name."""
    pending: list[tuple[int, bool, Any]] = [(0, False, value)]
    while pending:
        depth, free, item = pending.pop()
        yield depth, free, item
        if isinstance(item, dict):
            for name, member in item.items():
                yield depth, free, name
                pending.append((depth + 1, free or name in FLOAT_MEMBERS, member))
        elif isinstance(item, list):
            pending.extend((depth + 1, free, member) for member in item)


def _check_value(item: Any, *, depth: int, numbers_are_free: bool) -> None:
    if isinstance(item, (dict, list)) and depth >= MAX_DEPTH:
        raise MalformedError("nested too deeply")
    if isinstance(item, str) and _SURROGATE.search(item):
        raise MalformedError("lone surrogate")
    if isinstance(item, float) and (not numbers_are_free or abs(item) == float("inf")):
        raise MalformedError("a float where none may stand")
    if isinstance(item, int) and item < 0 and not numbers_are_free:
        raise MalformedError("integers are plain digits")

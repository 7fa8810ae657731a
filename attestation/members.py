"""The members of a JSON object, read by form: what is missing or of another form is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, get_args

from attestation.errors import MalformedError

_TIME_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")
_HEX_FORM = re.compile(r"[0-9a-fA-F]*\Z")


def unhex(text: str) -> bytes:
    """Decode hex of either case, without spaces or prefix.

    Raises:
        MalformedError: anything else.
    """
    if len(text) % 2 or not _HEX_FORM.match(text):
        raise MalformedError("not hex")
    return bytes.fromhex(text)


class Members:
    """One JSON object that may hold more than is asked for. Every method raises `MalformedError`."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise MalformedError("not an object where one belongs")
        self._members = value

    def text(self, name: str) -> str:
        """Return a member that is text."""
        return str(self._member(name, str))

    def text_or_null(self, name: str) -> str | None:
        """Return a member that is text, or null."""
        if name in self._members and self._members[name] is None:
            return None
        return self.text(name)

    def one_of(self, name: str, kind: Any) -> Any:
        """Return a member that is one of a `Literal`'s texts."""
        value = self.text(name)
        if value not in get_args(kind):
            raise MalformedError(f"{name} must be one of {', '.join(get_args(kind))}")
        return value

    def integer(self, name: str, *, limit: int | None = None) -> int:
        """Return a member that is an integer, at most `limit`."""
        value = int(self._member(name, int))
        if limit is not None and value > limit:
            raise MalformedError(f"{name} is out of range")
        return value

    def hex(self, name: str, *, size: int) -> bytes:
        """Return the bytes of a member that is hex text of exactly `size` bytes."""
        data = unhex(self.text(name))
        if len(data) != size:
            raise MalformedError(f"{name} is not {size} bytes")
        return data

    def time(self, name: str) -> datetime:
        """Return a member that is a UTC time in whole seconds (`2026-01-31T12:00:00Z`)."""
        text = self.text(name)
        if not _TIME_FORM.match(text):
            raise MalformedError(f"{name} is not a time")
        try:
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError as error:
            raise MalformedError(f"{name} is not a time") from error

    def as_dict(self) -> dict[str, Any]:
        """Return the object as it stands."""
        return dict(self._members)

    def nested(self, name: str) -> Members:
        """Return a member that is an object."""
        return Members(self._member(name, dict))

    def objects(self, name: str, *, missing: Sequence[Any] | None = None) -> list[Members]:
        """Return a list of objects; `missing` stands for a member that is not there."""
        return [Members(item) for item in self._list(name, missing)]

    def texts(self, name: str, *, missing: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return a list of texts; `missing` stands for a member that is not there."""
        items = self._list(name, missing)
        if not all(isinstance(item, str) for item in items):
            raise MalformedError(f"{name} are not texts")
        return tuple(items)

    def _list(self, name: str, missing: Sequence[Any] | None) -> Sequence[Any]:
        if missing is not None and name not in self._members:
            return missing
        items: list[Any] = self._member(name, list)
        return items

    def _member(self, name: str, kind: type[Any]) -> Any:
        value = self._members.get(name)
        if type(value) is not kind:
            raise MalformedError(f"no {name} of its form")
        return value

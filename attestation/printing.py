"""What is said on a terminal: texts that cannot paint over it, and progress where somebody watches."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TextIO

_BAR = 30


def printable(text: str) -> str:
    """Return a text without control characters, which a server or an archive could use to paint over what was said."""
    return "".join(character if character.isprintable() else "�" for character in text)


def write_time(value: datetime) -> str:
    """Return a time in ISO 8601, in UTC, to the second."""
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Progress:
    """A line that says how far long work is; silent unless the stream is a terminal."""

    def __init__(self, what: str, *, stream: TextIO | None = None) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._is_seen = self._stream.isatty()
        self._said = ""

    def show(self, done: int, total: int) -> None:
        """Say that `done` of `total` is done."""
        filled = _BAR * done // max(total, 1)
        percent = 100 * done // max(total, 1)
        self._write(f"{self._what} [{'█' * filled}{'·' * (_BAR - filled)}] {percent:3d} %  {done} of {total}")

    def close(self) -> None:
        """Take the line away again."""
        self._write("")

    def _write(self, line: str) -> None:
        if self._is_seen and line != self._said:
            self._stream.write(f"\r\x1b[K{line}")
            self._stream.flush()
            self._said = line

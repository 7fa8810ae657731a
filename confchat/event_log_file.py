"""The application's event log on disk: it outlives this process, as the register does that it explains.

Nobody need be trusted for it: a log that was changed does not lead to the register any more.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from attestation.errors import ConfigurationError, MalformedError, UnavailableError
from attestation.eventlog import (
    MAX_AAEL_BYTES,
    MAX_EVENTS,
    application_event,
    extend,
    parse_aael,
    write_aael,
)


@dataclass(slots=True)
class MeasuredLines:
    """Lines that extended RTMR3 since it was `init`; `values` are all that it was since, with how many lines each."""

    init: bytes
    lines: list[str] = field(default_factory=list)
    values: dict[bytes, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Replay what is there."""
        self.values = {self.init: 0}
        for line in self.lines:
            self._extend(line)

    @property
    def register(self) -> bytes:
        """Return RTMR3 after all of them."""
        return next(reversed(self.values))

    def add(self, line: str) -> None:
        """Count one more line that RTMR3 was extended with."""
        self.lines.append(line)
        self._extend(line)

    def text(self, count: int) -> str | None:
        """Return the log of the first lines; None where there are none."""
        return write_aael(self.init, self.lines[:count]) if count else None

    def _extend(self, line: str) -> None:
        value = extend(self.register, application_event(line).digest)
        self.values[value] = len(self.values)


class EventLogFile:
    """One log, shared by every process that extends the register of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from adding to the log, and to the register. Raises `ConfigurationError`."""
        try:
            descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be held: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def read(self, register: bytes) -> MeasuredLines:
        """Return the lines that lead to a register; a line that was written down and never measured is dropped.

        Where they do not lead there (the machine was started anew, or somebody else extended it), a log is begun.

        Raises:
            ConfigurationError: the file cannot be read or written.
        """
        for lines in self._candidates():
            if lines.register == register:
                return lines
        self._write(write_aael(register, ()))
        return MeasuredLines(register)

    def explain(self, register: bytes) -> str | None:
        """Return the log that leads to a register, None where there is none. Writes nothing.

        Raises:
            ConfigurationError: the file cannot be read.
        """
        for lines in self._candidates():
            if register in lines.values:
                return lines.text(lines.values[register])
        return None

    def add(self, lines: MeasuredLines, line: str) -> None:
        """Write down one line more than `lines`, before it is measured.

        Raises:
            UnavailableError: the log is full until the machine is started anew.
            ConfigurationError: the file cannot be written.
        """
        text = write_aael(lines.init, [*lines.lines, line])
        if len(lines.lines) >= MAX_EVENTS // 2 or len(text.encode()) > MAX_AAEL_BYTES:
            raise UnavailableError("the machine measured too much since it was started: start it anew")
        self._write(text)

    def _candidates(self) -> Iterator[MeasuredLines]:
        try:
            init, events = parse_aael(self._path.read_text("utf-8"))
        except (FileNotFoundError, UnicodeError, MalformedError):
            return
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be read: {error.strerror}") from error
        lines = [event.line or "" for event in events]
        yield MeasuredLines(init, lines)
        if lines:
            yield MeasuredLines(init, lines[:-1])

    def _write(self, text: str) -> None:
        draft = self._path.with_suffix(".draft")
        try:
            with draft.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be written: {error.strerror}") from error

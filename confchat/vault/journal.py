"""How far a directory is that is being encrypted: appended as it grows, so that a kill costs seconds and not hours.

One JSON object a line, in a file beside the contents; a last line that was cut is left out. It names stored files
only, never names in clear.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from confchat.vault.errors import DamagedError, SourceError

FILE_NAME = "unfinished.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Of a source of `source_size` bytes, changed at `source_time_ns`, `stored` bytes are encrypted and on disk.

    `sha256`, in hex, is over all of them, and stands only where the file is complete.
    """

    path: str
    source_size: int
    source_time_ns: int
    stored: int
    sha256: str | None = None


class Journal:
    """The journal of one directory, held by one process at a time."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE_NAME
        self._file = self.path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise SourceError(f"Another process is encrypting into {directory}.") from error
        self._steps = self._read()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def last(self, path: str) -> Step | None:
        """Return how far a stored file is, None where it was not begun."""
        return self._steps.get(path)

    def completed(self) -> list[Step]:
        """Return the steps of all files that are complete."""
        return [step for step in self._steps.values() if step.sha256 is not None]

    def record(self, step: Step) -> None:
        """Keep a step for good; what it says is on disk must be on disk already."""
        self._file.write(json.dumps(asdict(step)).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._steps[step.path] = step

    def _read(self) -> dict[str, Step]:
        self._file.seek(0)
        whole, _, _ = self._file.read().rpartition(b"\n")
        try:
            steps = [Step(**json.loads(line)) for line in whole.splitlines()]
        except (ValueError, TypeError) as error:
            raise DamagedError(f"{self.path} is damaged: begin in another directory.") from error
        # What was cut is gone, or the next line would be appended to it.
        self._file.truncate(len(whole) + 1 if whole else 0)
        return {step.path: step for step in steps}

"""What the kernel keeps behind `/sys/kernel/config/tsm/report`, in memory: the model of both stand-ins.

Follows drivers/virt/coco/guest/report.c: a committed write raises the generation, the first read of the outblob
after it makes a new quote, later reads give the same one again.
"""

from __future__ import annotations

import errno
import threading
from collections import deque
from collections.abc import Callable

INBLOB_MAX = 64


def example_quote(report_data: bytes) -> bytes:
    """Return bytes of a quote's size that differ with the report data."""
    return b"quote over " + report_data + bytes(5000)


class Entry:
    """One directory: its generations, what was written last and what was made of it."""

    def __init__(self) -> None:
        self.write_generation = 0
        self.read_generation = 0
        self.inblob = b""
        self.outblob: bytes | None = None
        self.is_dead = False


class TsmReports:
    """All directories of one provider; `quote` makes the outblob, `errors` are given out before anything is done.

    `errors["outblob"]` is a queue of errnos for the next reads, and so on for `mkdir`, `provider`, `generation` and
    `inblob`. `before_outblob` runs before each quote is made, `after_mkdir` after each directory; both get it.
    `ignores_writes` is a store that fails on close(), of which nobody is told; `generation_text` replaces the number.
    """

    def __init__(self) -> None:
        self.quote: Callable[[bytes], bytes] = example_quote
        self.provider = b"tdx_guest\n"
        self.errors: dict[str, deque[int]] = {}
        self.before_outblob: Callable[[Entry], None] = lambda entry: None
        self.after_mkdir: Callable[[Entry], None] = lambda entry: None
        self.ignores_writes = False
        self.generation_text: bytes | None = None
        self.entries: dict[str, Entry] = {}
        self.requests: list[bytes] = []
        self.lock = threading.RLock()

    def make(self, name: str) -> Entry:
        with self.lock:
            self.fail_as_told("mkdir")
            if name in self.entries:
                raise OSError(errno.EEXIST, name)
            entry = self.entries[name] = Entry()
            self.after_mkdir(entry)
            return entry

    def remove(self, name: str) -> None:
        with self.lock:
            entry = self.entries.pop(name)
            entry.is_dead, entry.outblob = True, None

    def commit(self, entry: Entry, data: bytes) -> None:
        """Store what a closed descriptor wrote; like the kernel, say nothing of the result."""
        with self.lock:
            self.requests.append(data)
            if self.ignores_writes:
                return
            entry.write_generation += 1
            entry.inblob = data

    def read(self, entry: Entry, attribute: str) -> bytes:
        """Return all that a fresh descriptor on an attribute reads."""
        with self.lock:
            self.fail_as_told(attribute)
            if entry.is_dead:
                raise OSError(errno.ENOENT, attribute)
            if attribute == "generation":
                return b"%d\n" % entry.write_generation if self.generation_text is None else self.generation_text
            return self.provider if attribute == "provider" else self._read_outblob(entry)

    def _read_outblob(self, entry: Entry) -> bytes:
        if len(entry.inblob) != INBLOB_MAX:
            raise OSError(errno.EINVAL, "the TDX provider takes exactly 64 bytes")
        if entry.outblob is None or entry.read_generation != entry.write_generation:
            self.before_outblob(entry)
            entry.outblob = self.quote(entry.inblob)
            entry.read_generation = entry.write_generation
        return entry.outblob

    def fail(self, operation: str, *errnos: int) -> None:
        self.errors.setdefault(operation, deque()).extend(errnos)

    def fail_as_told(self, operation: str) -> None:
        if self.errors.get(operation):
            raise OSError(self.errors[operation].popleft(), operation)

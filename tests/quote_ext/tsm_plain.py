"""A stand-in for configfs made of ordinary files and named pipes, for machines where nothing can be mounted.

`inblob` is a file. `outblob`, `generation` and `provider` are named pipes: opening one waits for the thread that
serves it, which first commits what stands in `inblob` and then answers with one reading. So the order of close(),
`generation` and `outblob` is as strict as in the kernel. Each reader gets a pipe of its own: the served one is
replaced by a new one under the same name before anything is written to it.

What it cannot do: errnos, `mkdir` that brings the attributes (directories are made beforehand, as root does for an
unprivileged service), several readers of one attribute at the same instant, modes, a write that is refused.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.quote_ext.tsm_report import Entry, TsmReports

PIPES = ("outblob", "generation", "provider")


class PlainEntry:
    """One directory and the three threads that serve its pipes."""

    def __init__(self, reports: TsmReports, directory: Path) -> None:
        self._reports = reports
        self._directory = directory
        self._entry: Entry = reports.make(directory.name)
        self._is_stopping = False
        directory.mkdir()
        (directory / "inblob").touch()
        for name in PIPES:
            os.mkfifo(directory / name)
        self._threads = [threading.Thread(target=self._serve, args=(name,), daemon=True) for name in PIPES]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._is_stopping = True
        for name, thread in zip(PIPES, self._threads, strict=True):
            # A reader wakes the thread that waits for one.
            fd = os.open(self._directory / name, os.O_RDONLY | os.O_NONBLOCK)
            thread.join(10)
            os.close(fd)

    def _serve(self, name: str) -> None:
        while True:
            fd = os.open(self._directory / name, os.O_WRONLY)
            self._replace_pipe(name)
            # A reader that has seen enough may close early.
            with contextlib.suppress(BrokenPipeError), os.fdopen(fd, "wb") as pipe:
                if self._is_stopping:
                    return
                pipe.write(self._read(name))

    def _replace_pipe(self, name: str) -> None:
        fresh = self._directory / f"{name}.new"
        os.mkfifo(fresh)
        fresh.rename(self._directory / name)

    def _read(self, name: str) -> bytes:
        inblob = self._directory / "inblob"
        with self._reports.lock:
            if written := inblob.read_bytes():
                os.truncate(inblob, 0)
                self._reports.commit(self._entry, written)
            return self._reports.read(self._entry, name)


@contextlib.contextmanager
def served(reports: TsmReports, directory: Path) -> Iterator[PlainEntry]:
    """Serve one prepared directory for as long as the context lasts."""
    entry = PlainEntry(reports, directory)
    try:
        yield entry
    finally:
        entry.stop()

"""A throw-away PostgreSQL: a cluster of its own on a socket of its own, which tests stop and start."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ADMIN = "postgres"
DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Cluster:
    """A cluster with its data and its socket in `directory`."""

    directory: Path

    @property
    def url(self) -> str:
        return f"postgresql://{ADMIN}@/{ADMIN}?host={self.directory}"

    def start(self) -> None:
        options = f"-k {self.directory} -c listen_addresses='' -c fsync=off"
        self._control("-w", "-l", str(self.directory / "log"), "-o", options, "start")

    def stop(self) -> None:
        """End as in a crash: connections are cut, and the next start recovers. Stopped already, nothing happens."""
        if (self.directory / "data" / "postmaster.pid").exists():
            self._control("-w", "-m", "immediate", "stop")

    def _control(self, *arguments: str) -> None:
        run(["pg_ctl", "-D", str(self.directory / "data"), *arguments])


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Make a cluster and serve it; skip where PostgreSQL is not installed."""
    if program("initdb") is None:
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    # Not below the tests' own directory: PostgreSQL runs as another user, and a socket's path is short.
    directory = Path(tempfile.mkdtemp(prefix="confchat-pg-"))
    if os.geteuid() == 0:
        os.chown(directory, pwd.getpwnam(ADMIN).pw_uid, -1)
    cluster = Cluster(directory)
    try:
        run([*("initdb", "-D", str(directory / "data"), "-A", "trust", "-U", ADMIN), *_FORM])
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(directory)


_FORM = ("--no-sync", "-E", "UTF8", "--locale=C.UTF-8")


def run(command: list[str]) -> None:
    """Run a program of PostgreSQL's, as its own user where this is root, which it refuses to be."""
    name = program(command[0])
    assert name is not None
    other = ["runuser", "-u", ADMIN, "--"] if os.geteuid() == 0 else []
    subprocess.run([*other, name, *command[1:]], check=True, stdout=subprocess.DEVNULL, timeout=60, cwd="/")


def program(name: str) -> str | None:
    """Return where a program is: on the PATH, or where Debian keeps the newest version."""
    versions = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]), reverse=True)
    return shutil.which(name) or (str(versions[0]) if versions else None)

"""The real gocryptfs, where this machine has it: the judge of what we write, and another writer for what we read."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_gocryptfs = pytest.mark.skipif(shutil.which("gocryptfs") is None, reason="needs gocryptfs: apt install gocryptfs")
needs_mounts = pytest.mark.skipif(
    shutil.which("gocryptfs") is None or not os.access("/dev/fuse", os.W_OK),
    reason="needs gocryptfs and /dev/fuse: apt install gocryptfs fuse3",
)
TIME_LIMIT_S = 20


def run(*arguments: str, key: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run gocryptfs, which reads the key from its standard input."""
    return subprocess.run(
        ["gocryptfs", "-nosyslog", *arguments],
        input=key + b"\n",
        capture_output=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )


def initialise(directory: Path, *options: str, key: bytes) -> None:
    """Make an empty encrypted directory."""
    directory.mkdir()
    run("-init", "-q", "-scryptn", "10", *options, str(directory), key=key).check_returncode()


@contextmanager
def mounted(directory: Path, *options: str, key: bytes, at: Path) -> Iterator[Path]:
    """Show an encrypted directory in clear."""
    at.mkdir(exist_ok=True)
    # The process that stays keeps its output open: there must be none to wait for.
    subprocess.run(
        ["gocryptfs", "-nosyslog", "-q", *options, str(directory), str(at)],
        input=key,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=TIME_LIMIT_S,
        check=True,
    )
    try:
        yield at
    finally:
        subprocess.run(["fusermount3", "-u", str(at)], check=True, timeout=TIME_LIMIT_S)

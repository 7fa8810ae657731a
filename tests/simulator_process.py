"""The simulator as its own process, started as the product starts it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
END_TIMEOUT_S = 10.0


def start(directory: Path) -> subprocess.Popen[str]:
    """Start a simulator; its ready line is still to be read."""
    return subprocess.Popen(
        [sys.executable, "-m", "attestation.simulator", "serve", "--directory", str(directory)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a simulator, wait for its ready line, and end it afterwards."""
    with start(directory) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert "ready" in line, process.stderr.read()
        try:
            yield process
        finally:
            process.terminate()
            process.wait(END_TIMEOUT_S)

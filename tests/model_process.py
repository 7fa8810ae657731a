"""The embedded model's server, as a process of its own, over any directory of models."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.product import ROOT, free_port

START_TIMEOUT_S = 30.0
END_TIMEOUT_S = 30.0


@contextmanager
def run_model_server(directory: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the development server as the product does; give its address and its process."""
    host = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "confchat.llm.devserver", "--models", str(directory)]
    process = subprocess.Popen([*command, "--port", host.partition(":")[2]], cwd=ROOT)
    try:
        _wait_until_ready(host, process)
        yield host, process
    finally:
        process.terminate()
        process.wait(END_TIMEOUT_S)


def _wait_until_ready(host: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the model server ended at once"
        try:
            httpx.get(f"http://{host}/api/version", trust_env=False).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the model server did not start")

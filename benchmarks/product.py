"""The product and its model server, started for a measurement; and the CPU time that a process has used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.token_server import NAME
from tests.product import ROOT, Server, free_port, running_server

UNLIMITED = {"CONFCHAT_HANDSHAKES_PER_USER": "1000000", "CONFCHAT_HANDSHAKES_PER_ADDRESS": "1000000"}


@contextmanager
def token_server(*, rate: float, tokens: int) -> Iterator[str]:
    """Start the model server that only speaks; yield its address."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.token_server", str(port), str(rate), str(tokens)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/api/version")
        yield address
    finally:
        process.terminate()
        process.wait()


@contextmanager
def product(*, ollama_host: str, **settings: str) -> Iterator[Server]:
    """Start the product over a model server, in a data directory of its own."""
    with tempfile.TemporaryDirectory(prefix="confchat-bench-") as directory:
        environment: Mapping[str, str] = {
            "OLLAMA_HOST": ollama_host,
            "CONFCHAT_MODEL": NAME,
            **UNLIMITED,
            **settings,
        }
        with running_server(Path(directory) / "data", **environment) as server:
            yield server


def cpu_s(pid: int) -> float:
    """Return the CPU time, user and system, that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values: list[float], share: float) -> float:
    """Return the value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def report(**figures: object) -> None:
    """Print one line of figures."""
    rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}
    print(json.dumps(rounded), flush=True)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise SystemExit(f"{url} does not answer")

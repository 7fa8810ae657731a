"""`manage.py serve` as a process: what it starts, says, restarts and ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.product import MODELS, ROOT, Server, running_server

RESTART_S = 30.0


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    if not MODELS.is_dir():
        pytest.skip("no embedded model: make var/models/.unpacked")
    with running_server(tmp_path / "data") as running:
        yield running


def is_alive(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + RESTART_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def serve_again(server: Server, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env={**server.environment, **changes},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_start_says_where_it_is_and_what_is_simulated(server: Server) -> None:
    said = server.output.read_text()
    assert f"ConfChat is ready: {server.address}\n" in said
    simulated, _, real = said.partition("Not simulated:")
    assert "TDX platform" in simulated.partition("Simulated here")[2]
    assert "smollm2:135m" in real
    assert all(f"  {name:<8} {server.password}" in said for name in ("user", "admin", "auditor"))


def test_localhost_works_as_well(server: Server) -> None:
    assert is_alive(server.address.replace("127.0.0.1", "localhost"))


def test_answers_do_not_say_what_serves_them(server: Server) -> None:
    with urllib.request.urlopen(f"{server.address}/accounts/login/") as response:
        assert "server" not in response.headers


def test_data_in_use_is_refused_with_a_sentence(server: Server) -> None:
    refused = serve_again(server, PORT="1")
    assert refused.returncode != 0
    assert "ConfChat is already running with the data in" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_address_in_use_is_refused_with_a_sentence(server: Server, tmp_path: Path) -> None:
    refused = serve_again(server, CONFCHAT_DATA_DIR=str(tmp_path / "other"))
    assert refused.returncode != 0
    assert "choose another port with PORT=" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("program", ["web_server", "devserver", "simulator"])
def test_program_that_is_killed_comes_back(own_server: Server, program: str) -> None:
    killed = own_server.pid_of(program)
    os.kill(killed, signal.SIGKILL)
    until(lambda: "ended with status -9; starting it again" in own_server.output.read_text())
    until(lambda: own_server.output.read_text().count(" is ready (") == 4)
    assert own_server.pid_of(program) != killed
    assert is_alive(own_server.address)


def test_everything_ends_with_the_command(own_server: Server) -> None:
    programs = [own_server.pid_of(name) for name in ("web_server", "devserver", "simulator")]
    own_server.process.send_signal(signal.SIGINT)
    assert own_server.process.wait(30) == 0
    assert [pid for pid in programs if Path(f"/proc/{pid}").exists()] == []
    assert not is_alive(own_server.address)


def test_second_start_on_another_port_keeps_the_log_and_shows_no_password(own_server: Server) -> None:
    own_server.process.send_signal(signal.SIGTERM)
    own_server.process.wait(30)
    with running_server(own_server.data_dir) as again:
        assert "assword" not in again.output.read_text()
        assert again.password not in again.output.read_text()

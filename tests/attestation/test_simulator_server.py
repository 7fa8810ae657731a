"""The simulator's process: how it starts, how it ends, and when it refuses to start."""

from __future__ import annotations

import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from attestation.simulator.installation import create_simulator
from attestation.simulator.sockets import PCCS_SOCKET, QGS_SOCKET, is_served
from tests.simulator_process import END_TIMEOUT_S, running, start

EX_CONFIG = 78


@pytest.fixture
def directory() -> Iterator[Path]:
    # Not tmp_path: a socket's path may have 107 bytes, and pytest's grow with the test's name.
    with tempfile.TemporaryDirectory(prefix="simulator-") as name:
        create_simulator(Path(name) / "s")
        yield Path(name) / "s"


def refusal(directory: Path) -> str:
    process = start(directory)
    output, errors = process.communicate(timeout=END_TIMEOUT_S)
    assert (process.returncode, output) == (EX_CONFIG, "")
    assert errors.count("\n") == 1
    return errors


def test_it_says_in_one_line_that_it_is_ready_and_serves_both_sockets(directory: Path) -> None:
    began = time.monotonic()
    with running(directory) as process:
        assert time.monotonic() - began < 5
        assert is_served(directory / QGS_SOCKET)
        assert is_served(directory / PCCS_SOCKET)
        process.terminate()
        output, errors = process.communicate(timeout=END_TIMEOUT_S)
    assert (output, errors) == ("", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_removes_the_sockets(directory: Path, number: signal.Signals) -> None:
    with running(directory) as process:
        process.send_signal(number)
        assert process.wait(END_TIMEOUT_S) == 0
    assert not (directory / QGS_SOCKET).exists()
    assert not (directory / PCCS_SOCKET).exists()


def test_it_ends_though_a_client_says_nothing(directory: Path) -> None:
    with running(directory) as process, socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(directory / QGS_SOCKET))
        process.terminate()
        assert process.wait(END_TIMEOUT_S) == 0


def test_sockets_left_by_a_killed_one_are_replaced(directory: Path) -> None:
    with running(directory) as process:
        process.kill()
        process.wait(END_TIMEOUT_S)
    assert (directory / QGS_SOCKET).exists()
    with running(directory):
        assert is_served(directory / QGS_SOCKET)


def test_a_second_one_does_not_take_the_place_of_the_first(directory: Path) -> None:
    with running(directory):
        assert "serving" in refusal(directory)
        assert is_served(directory / QGS_SOCKET)
        assert is_served(directory / PCCS_SOCKET)


def test_a_path_that_is_too_long_is_refused_in_one_sentence(directory: Path) -> None:
    long = directory / ("x" * 90)
    create_simulator(long)
    assert "the system allows 107" in refusal(long)


def test_a_directory_without_a_simulator_is_refused_in_one_sentence(directory: Path) -> None:
    assert "run the set-up first" in refusal(directory / "none")


@pytest.mark.parametrize(("name", "other"), [(QGS_SOCKET, PCCS_SOCKET), (PCCS_SOCKET, QGS_SOCKET)])
def test_a_file_that_is_no_socket_is_not_removed(directory: Path, name: str, other: str) -> None:
    (directory / name).write_text("precious")
    assert name in refusal(directory)
    assert (directory / name).read_text() == "precious"
    assert not (directory / other).exists()

"""Which process serves the models, and how it was started, as /proc says it."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from pathlib import Path

import pytest

from confchat.file_digests import FileDigests
from confchat.model_server import find_process, is_on, measure_process, parse_environment

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LOOPBACK, EVERY, OTHER = "0100007F", "00000000", "0200000A"
LOOPBACK_6, EVERY_6 = "00000000000000000000000001000000", "0" * 32
OLLAMA = "2CAA"


def proc(directory: Path, processes: dict[int, list[int]], tcp: str = "", tcp6: str = "") -> Path:
    """Write a /proc in which each process has these sockets open."""
    (directory / "net").mkdir(parents=True)
    (directory / "net" / "tcp").write_text(HEAD + tcp)
    (directory / "net" / "tcp6").write_text(HEAD + tcp6)
    for pid, inodes in processes.items():
        (directory / str(pid) / "fd").mkdir(parents=True)
        for number, inode in enumerate(inodes):
            (directory / str(pid) / "fd" / str(number)).symlink_to(f"socket:[{inode}]")
    return directory


def line(address: str, inode: int, *, port: str = OLLAMA, state: str = "0A") -> str:
    return f"   0: {address}:{port} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000  0 {inode} 1\n"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:11434", "http://127.0.0.1:11434", "localhost", "http://localhost"]
)
def test_who_listens_at_the_address_is_found(tmp_path: Path, host: str) -> None:
    assert find_process(host, proc=proc(tmp_path / "proc", {7: [1], 12: [5, 70]}, line(LOOPBACK, 70))) == 12


@pytest.mark.parametrize(
    "text",
    [line(LOOPBACK, 70, state="01"), line(LOOPBACK, 70, port="2CAB"), line(OTHER, 70), line("0200007F", 70), ""],
    ids=["connected only", "another port", "another address", "another loopback address", "nobody"],
)
def test_who_does_not_answer_there_is_not_taken_for_it(tmp_path: Path, text: str) -> None:
    assert find_process("127.0.0.1", proc=proc(tmp_path / "proc", {7: [70]}, text)) is None


def test_who_listens_at_the_address_itself_comes_before_who_listens_everywhere(tmp_path: Path) -> None:
    directory = proc(tmp_path / "proc", {7: [1], 12: [2]}, line(EVERY, 1) + line(LOOPBACK, 2))
    assert find_process("127.0.0.1", proc=directory) == 12


def test_who_listens_everywhere_is_found_in_both_families(tmp_path: Path) -> None:
    assert find_process("127.0.0.1", proc=proc(tmp_path / "a", {7: [1]}, "", line(EVERY_6, 1))) == 7
    assert find_process("[::1]:11434", proc=proc(tmp_path / "b", {7: [1]}, "", line(LOOPBACK_6, 1))) == 7


def test_process_that_may_not_be_looked_at_is_not_found(tmp_path: Path) -> None:
    assert find_process("127.0.0.1", proc=proc(tmp_path / "proc", {}, line(LOOPBACK, 70))) is None
    assert find_process("127.0.0.1", proc=tmp_path / "nothing") is None


def test_this_process_is_found_by_its_own_socket_and_measured_by_its_own_program() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert find_process(f"127.0.0.1:{listener.getsockname()[1]}") == os.getpid()
    measured = measure_process(os.getpid(), server="ollama/0.12.6", digests=FileDigests())
    program = Path(sys.executable).resolve().read_bytes()
    assert measured.binary == f"sha256:{hashlib.sha256(program).hexdigest()}"


def test_process_that_ended_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError):  # noqa: PT011  # whichever the kernel gives
        measure_process(2**22 + 1, server="x", digests=FileDigests())


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (b"", "000"),
        (b"OLLAMA_DEBUG=1\0OLLAMA_NO_CLOUD=true\0", "101"),
        (b"OLLAMA_DEBUG=2\0", "100"),
        (b"OLLAMA_DEBUG=false\0OLLAMA_DEBUG_LOG_REQUESTS=T\0OLLAMA_NO_CLOUD=0", "010"),
        (b"OLLAMA_NO_CLOUD= '0' \0OLLAMA_DEBUG=\"\"", "000"),
        (b"OLLAMA_NO_CLOUD=0\0OLLAMA_NO_CLOUD=1", "000"),
        (b"OLLAMA_NO_CLOUD=yes\0", "001"),
    ],
)
def test_settings_are_read_as_ollama_reads_them(tmp_path: Path, environment: bytes, expected: str) -> None:
    directory = tmp_path / "7"
    directory.mkdir()
    (directory / "exe").write_bytes(b"a program")
    (directory / "environ").write_bytes(environment)
    measured = measure_process(7, server="ollama/0.12.6", digests=FileDigests(), proc=tmp_path)
    assert "".join(setting[-1] for setting in measured.settings) == expected
    assert is_on(parse_environment(environment), "OLLAMA_DEBUG") == (expected[0] == "1")

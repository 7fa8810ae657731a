from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quote_ext import vsock_quote
from tests.quote_ext.compiler import compile_library
from tests.quote_ext.quoting_service import QUOTE, Response, quoting_service, send

ROOT = Path(__file__).parents[2]
TD_REPORT = bytes(i % 249 for i in range(1024))
ASK = """
import sys
from quote_ext import vsock_quote
from quote_ext.errors import QuoteError
try:
    quote = vsock_quote(bytes(i % 249 for i in range(1024)), cid=2, port=int(sys.argv[1]), timeout_s=5)
    sys.stdout.buffer.write(quote)
except QuoteError as error:
    sys.stdout.write(f"{type(error).__name__} {error}")
"""


@pytest.fixture(scope="module")
def host() -> Iterator[Path]:
    """The directory in which sockets stand for ports of the host; short, as the paths of sockets must be."""
    with contextlib.ExitStack() as stack:
        directory = Path(f"/tmp/confchat-vsock-{os.getpid()}")
        directory.mkdir(mode=0o700)
        stack.callback(directory.rmdir)
        library = compile_library("vsock_stand_in.c", directory / "vsock.so", STAND_IN_DIRECTORY=str(directory))
        stack.callback(library.unlink)
        yield directory


def ask(host: Path, port: int) -> bytes:
    """Ask in a process of its own, in which the stand-in is loaded."""
    environment = {**os.environ, "LD_PRELOAD": str(host / "vsock.so"), "PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, "-c", ASK, str(port)]
    return subprocess.run(arguments, env=environment, check=True, capture_output=True, timeout=60).stdout


def test_quote_comes_from_the_port_of_the_host_that_was_named(host: Path) -> None:
    socket_path = host / "2-4050"
    with quoting_service(socket_path, send(Response(selected_id=bytes(16)).frame())) as service:
        assert ask(host, 4050) == QUOTE
    socket_path.unlink()
    assert [request[-1024:] for request in service.requests] == [TD_REPORT]


def test_port_that_nobody_listens_on_is_a_missing_device(host: Path) -> None:
    assert ask(host, 4051) == b"DeviceMissingError connect: ENOENT (2)"


def test_report_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="1024 bytes, got 1023"):
        vsock_quote(bytes(1023), cid=2, port=4050, timeout_s=1)

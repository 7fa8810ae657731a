"""What stands behind the stand-in for libtdx_attest: quotes, status codes, registers."""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.quote_ext.compiler import compile_library
from tests.quote_ext.tsm_report import example_quote


class AttestLibrary:
    """A library at `path`, and its answers: `status` to whatever is asked, `quote` where that is 0."""

    def __init__(self, directory: Path) -> None:
        self.quote: Callable[[bytes], bytes] = example_quote
        self.status = 0
        self.extended: list[tuple[int, bytes]] = []
        self.asked: list[bytes] = []
        socket_path = directory / "tdx-attest.socket"
        self.path = compile_library(
            "tdx_attest_stand_in.c", directory / "libtdx_attest.so.1", STAND_IN_SOCKET=str(socket_path)
        )
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(socket_path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def quotes_not_freed(self) -> int:
        """Return how many quotes were handed out and not given back, since this is first asked."""
        return ctypes.c_int.in_dll(ctypes.CDLL(str(self.path)), "stand_in_quotes_not_freed").value

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    connection.sendall(self._answer(connection))

    def _answer(self, connection: socket.socket) -> bytes:
        if connection.recv(1) == b"e":
            (index,) = struct.unpack("<Q", connection.recv(8, socket.MSG_WAITALL))
            self.extended.append((index, connection.recv(48, socket.MSG_WAITALL)))
            return struct.pack("<I", self.status)
        self.asked.append(connection.recv(64, socket.MSG_WAITALL))
        quote = b"" if self.status else self.quote(self.asked[-1])
        return struct.pack("<II", self.status, len(quote)) + quote


@contextlib.contextmanager
def attest_library(directory: Path) -> Iterator[AttestLibrary]:
    """Have the library for as long as the context lasts."""
    library = AttestLibrary(directory)
    try:
        yield library
    finally:
        library.stop()

"""A stand-in for Intel's quoting service on a Unix socket: frames, well formed or wrong in any way asked for."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

REQUEST_FRAME_SIZE = 4 + 1048
QUOTE = bytes(i % 253 for i in range(5000))
Answer = Callable[[socket.socket], None]


@dataclass(frozen=True, kw_only=True)
class Response:
    """A GET_QUOTE_RESP; a field that is None has the value that fits the others."""

    major: int = 1
    minor: int = 1
    type: int = 1
    size: int | None = None
    error_code: int = 0
    selected_id: bytes = b""
    id_size: int | None = None
    quote: bytes = QUOTE
    quote_size: int | None = None
    frame_size: int | None = None
    trailing: bytes = b""

    def frame(self) -> bytes:
        tail = self.selected_id + self.quote
        size = 24 + len(tail)
        header = struct.pack("<HHIII", self.major, self.minor, self.type, _or(self.size, size), self.error_code)
        sizes = struct.pack("<II", _or(self.id_size, len(self.selected_id)), _or(self.quote_size, len(self.quote)))
        return struct.pack(">I", _or(self.frame_size, size)) + header + sizes + tail + self.trailing


def _or(value: int | None, fitting: int) -> int:
    return fitting if value is None else value


def send(data: bytes) -> Answer:
    """Answer with these bytes, and close."""
    return lambda connection: connection.sendall(data)


def send_in_pieces(data: bytes, *, size: int, pause_s: float) -> Answer:
    """Answer piece by piece."""

    def answer(connection: socket.socket) -> None:
        for start in range(0, len(data), size):
            connection.sendall(data[start : start + size])
            time.sleep(pause_s)

    return answer


def send_after(delay_s: float, data: bytes) -> Answer:
    """Answer late."""

    def answer(connection: socket.socket) -> None:
        time.sleep(delay_s)
        connection.sendall(data)

    return answer


def fall_silent_after(data: bytes) -> Answer:
    """Answer with these bytes and never with more: wait until the client goes away."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(data)
        connection.recv(1)

    return answer


class QuotingService:
    """One thread that takes connections one after the other; `requests` are the frames it read.

    Without `reads_first` it answers before it has read anything.
    """

    def __init__(self, path: Path, answer: Answer) -> None:
        self.answer = answer
        self.reads_first = True
        self.requests: list[bytes] = []
        self._is_stopping = False
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            # The client may be gone before the answer is complete.
            with connection, contextlib.suppress(ConnectionError):
                if self._is_stopping:
                    return
                if self.reads_first:
                    self.requests.append(connection.recv(REQUEST_FRAME_SIZE, socket.MSG_WAITALL))
                self.answer(connection)

    def stop(self, path: Path) -> None:
        self._is_stopping = True
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as last:
            last.connect(str(path))
        self._thread.join(10)
        self._listener.close()


@contextlib.contextmanager
def quoting_service(path: Path, answer: Answer) -> Iterator[QuotingService]:
    """Serve on a Unix socket for as long as the context lasts."""
    service = QuotingService(path, answer)
    try:
        yield service
    finally:
        service.stop(path)

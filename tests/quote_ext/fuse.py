"""A file system of a test's own, served through /dev/fuse: the protocol of linux/fuse.h 7.31. Mounting needs root."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

LOOKUP, FORGET, GETATTR, MKDIR, RMDIR, OPEN, READ, WRITE = 1, 2, 3, 9, 11, 14, 15, 16
RELEASE, FLUSH, INIT, INTERRUPT, IOCTL, BATCH_FORGET = 18, 25, 26, 36, 39, 42
WITHOUT_REPLY = {FORGET, INTERRUPT, BATCH_FORGET}
ROOT_NODE = 1
FOPEN_DIRECT_IO = 1
MS_NOSUID, MS_NODEV, MNT_DETACH = 2, 4, 2
REQUEST_MAX = 1 << 16

# Takes a node and the request behind its header, gives the reply behind its header, or raises OSError.
Handler = Callable[[int, bytes], bytes]


class Answers:
    """Answers the kernel's requests on one /dev/fuse descriptor, one after the other."""

    def __init__(self, fd: int, handlers: Mapping[int, Handler]) -> None:
        self._fd = fd
        self._handlers = {INIT: _init, **handlers}

    def serve(self) -> None:
        """Answer until the file system is unmounted."""
        with contextlib.suppress(OSError):
            while True:
                self._answer(os.read(self._fd, REQUEST_MAX))

    def _answer(self, request: bytes) -> None:
        _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
        if opcode in WITHOUT_REPLY:
            return
        try:
            error, reply = 0, self._handlers.get(opcode, _unknown)(node, request[40:])
        except OSError as refused:
            error, reply = -(refused.errno or errno.EIO), b""
        # The request may have been given up meanwhile.
        with contextlib.suppress(FileNotFoundError):
            os.write(self._fd, struct.pack("<IiQ", 16 + len(reply), error, unique) + reply)


def attributes(number: int, mode: int) -> bytes:
    """Return a node's fuse_attr."""
    return struct.pack("<6Q10I", number, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def _init(_node: int, _body: bytes) -> bytes:
    return struct.pack("<IIIIHHIIHHII", 7, 31, 0, 0, 0, 0, 4096, 1, 32, 0, 0, 0) + bytes(24)


def _unknown(_node: int, _body: bytes) -> bytes:
    raise OSError(errno.ENOSYS, "not a request of these files")


Server = TypeVar("Server", bound=Answers)


@contextlib.contextmanager
def mounted_at(target: Path, make: Callable[[int], Server], *, mode: int) -> Iterator[Server]:
    """Mount what `make` serves, a directory or a single file as `mode` says, for as long as the context lasts.

    Raises:
        OSError: no /dev/fuse, or this process may not mount.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={fd},rootmode={mode:o},user_id={os.getuid()},group_id={os.getgid()}"
    path = os.fsencode(target)
    if libc.mount(b"confchat-test", path, b"fuse", MS_NOSUID | MS_NODEV, options.encode()) != 0:
        os.close(fd)
        raise OSError(ctypes.get_errno(), "mount")
    server = make(fd)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        libc.umount2(path, MNT_DETACH)
        thread.join(10)
        os.close(fd)

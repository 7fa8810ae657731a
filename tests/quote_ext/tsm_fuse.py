"""A stand-in for configfs that behaves like it down to errnos: a file system of its own, served through /dev/fuse.

Faithful in: `mkdir` that brings the attributes, `rmdir` of a directory that holds them, a write that is committed
only by close(), one report for each generation, errors of every call, reads that block and come in pieces, ENOENT
on descriptors of a removed directory, flock() between descriptors, attributes that refuse the other direction.
What it cannot do: the order of permission checks (root may do everything), `rmdir` refused by the kernel module,
signals that interrupt a read inside the driver (EINTR is given out as an error instead).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

from tests.quote_ext.fuse import (
    FLUSH,
    FOPEN_DIRECT_IO,
    GETATTR,
    LOOKUP,
    MKDIR,
    OPEN,
    READ,
    RELEASE,
    REQUEST_MAX,
    RMDIR,
    ROOT_NODE,
    WRITE,
    Answers,
    attributes,
    mounted_at,
)
from tests.quote_ext.tsm_report import INBLOB_MAX, Entry, TsmReports

MODES = {"inblob": 0o200, "outblob": 0o444, "generation": 0o444, "provider": 0o444}

Node = tuple[str, Entry, str | None]


class Descriptor:
    """An open file: what was read when it was first read, or what was written so far."""

    def __init__(self, entry: Entry, attribute: str) -> None:
        self.entry = entry
        self.attribute = attribute
        self.content: bytes | None = None
        self.written: bytearray | None = None


class FuseServer(Answers):
    """The entries of `reports` as directories, and what is done to their files."""

    def __init__(self, reports: TsmReports, fd: int) -> None:
        self.piece = REQUEST_MAX
        self._reports = reports
        self._nodes: list[Node] = []
        self._open: dict[int, Descriptor] = {}
        handlers = {
            LOOKUP: self._lookup,
            GETATTR: self._getattr,
            MKDIR: self._mkdir,
            RMDIR: self._rmdir,
            OPEN: self._open_file,
            READ: self._read,
            WRITE: self._write,
            FLUSH: self._flush,
            RELEASE: self._release,
        }
        super().__init__(fd, handlers)

    def _lookup(self, node: int, body: bytes) -> bytes:
        name = _text(body)
        if node == ROOT_NODE:
            entry = self._reports.entries.get(name)
            if entry is None:
                raise OSError(errno.ENOENT, name)
            return self._describe_entry((name, entry, None))
        directory, entry, _ = self._node(node)
        if name not in MODES or entry.is_dead:
            raise OSError(errno.ENOENT, name)
        return self._describe_entry((directory, entry, name))

    def _getattr(self, node: int, _body: bytes) -> bytes:
        mode = stat.S_IFDIR | 0o755 if node == ROOT_NODE else _mode(self._node(node))
        return struct.pack("<QII", 0, 0, 0) + attributes(node, mode)

    def _mkdir(self, _node: int, body: bytes) -> bytes:
        name = _text(body[8:])
        return self._describe_entry((name, self._reports.make(name), None))

    def _rmdir(self, _node: int, body: bytes) -> bytes:
        self._reports.remove(_text(body))
        return b""

    def _open_file(self, node: int, body: bytes) -> bytes:
        _, entry, attribute = self._node(node)
        (flags,) = struct.unpack_from("<I", body)
        wants_to_write = flags & os.O_ACCMODE != os.O_RDONLY
        if attribute is None or entry.is_dead:
            raise OSError(errno.ENOENT, "removed")
        if wants_to_write != (attribute == "inblob"):
            raise OSError(errno.EACCES, attribute)
        handle = max(self._open, default=0) + 1
        self._open[handle] = Descriptor(entry, attribute)
        return struct.pack("<QII", handle, FOPEN_DIRECT_IO, 0)

    def _read(self, _node: int, body: bytes) -> bytes:
        handle, offset, size = struct.unpack_from("<QQI", body)
        file = self._open[handle]
        if file.content is None:
            file.content = self._reports.read(file.entry, file.attribute)
        return file.content[offset : offset + min(size, self.piece)]

    def _write(self, _node: int, body: bytes) -> bytes:
        handle, offset, size = struct.unpack_from("<QQI", body)
        file = self._open[handle]
        self._reports.fail_as_told("inblob")
        if offset + size > INBLOB_MAX:
            raise OSError(errno.EFBIG, "inblob")
        written = file.written = file.written or bytearray()
        written[offset : offset + size] = body[40 : 40 + size]
        return struct.pack("<II", size, 0)

    def _flush(self, _node: int, body: bytes) -> bytes:
        """Commit on close(); in the kernel this is the last close of a descriptor, and its result is ignored."""
        (handle,) = struct.unpack_from("<Q", body)
        file = self._open[handle]
        if file.written is not None and not file.entry.is_dead:
            self._reports.commit(file.entry, bytes(file.written))
            file.written = None
        return b""

    def _release(self, _node: int, body: bytes) -> bytes:
        (handle,) = struct.unpack_from("<Q", body)
        del self._open[handle]
        return b""

    def _node(self, number: int) -> Node:
        return self._nodes[number - ROOT_NODE - 1]

    def _describe_entry(self, node: Node) -> bytes:
        if node not in self._nodes:
            self._nodes.append(node)
        number = self._nodes.index(node) + ROOT_NODE + 1
        return struct.pack("<QQQQII", number, 0, 0, 0, 0, 0) + attributes(number, _mode(node))


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode()


def _mode(node: Node) -> int:
    return stat.S_IFDIR | 0o755 if node[2] is None else stat.S_IFREG | MODES[node[2]]


@contextlib.contextmanager
def mounted(reports: TsmReports, directory: Path) -> Iterator[FuseServer]:
    """Mount the stand-in for as long as the context lasts; raises OSError where that cannot be."""
    with mounted_at(directory, lambda fd: FuseServer(reports, fd), mode=stat.S_IFDIR | 0o755) as server:
        yield server

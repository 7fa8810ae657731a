"""Files are hashed once while they stay as they were, and never taken for what they are not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from confchat.file_digests import CHUNK_BYTES, FileDigests


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_large_file_is_hashed_in_pieces_that_are_told_once(tmp_path: Path) -> None:
    path, data, told = tmp_path / "weights", b"\x07" * (CHUNK_BYTES + 1), list[int]()
    path.write_bytes(data)
    digests = FileDigests()
    assert digests.of(path, progress=told.append) == digests.of(path, progress=told.append) == sha256(data)
    assert told == [CHUNK_BYTES, 1]


def test_change_that_leaves_size_and_time_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    times = path.stat()
    digests = FileDigests()
    digests.of(path)
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert digests.of(path) == sha256(b"two")


def test_other_file_in_its_place_is_seen(tmp_path: Path) -> None:
    path, other = tmp_path / "weights", tmp_path / "other"
    path.write_bytes(b"one")
    other.write_bytes(b"two")
    digests = FileDigests()
    digests.of(path)
    other.replace(path)
    assert digests.of(path) == sha256(b"two")


def test_file_that_changes_while_it_is_read_has_no_digest(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    with pytest.raises(OSError, match="changed while it was read"):
        FileDigests().of(path, progress=lambda _: path.write_bytes(b"longer"))


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, Path("/dev/null"), tmp_path / "missing"):
        with pytest.raises(OSError):  # noqa: PT011  # whichever the system gives
            FileDigests().of(path)
    with pytest.raises(OSError, match="not a regular file"):
        FileDigests().of(tmp_path / "pipe")

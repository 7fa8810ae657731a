"""Small zip archives: written so that equal files are equal bytes, and read as if an enemy had made them."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from attestation.errors import MalformedError

MAX_ARCHIVE_BYTES = 8 * 1024 * 1024
MAX_FILE_BYTES = 2 * 1024 * 1024

_DOS_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX, _MODE = 3, 0o100644 << 16


def new_entry(name: str) -> zipfile.ZipInfo:
    """Return a zip entry that says nothing of the machine or the hour that made it."""
    entry = zipfile.ZipInfo(name, _DOS_EPOCH)
    entry.create_system, entry.external_attr = _UNIX, _MODE
    return entry


def write_archive(files: Mapping[str, bytes]) -> bytes:
    """Return files as a zip archive: stored, sorted by name, dated 1980-01-01."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(new_entry(name), files[name])
    return buffer.getvalue()


def read_archive(data: bytes, *, check_names: Callable[[list[str]], None]) -> dict[str, bytes]:
    """Return the files of an archive; `check_names` refuses names before anything is unpacked.

    Raises:
        MalformedError: not a zip archive, too large, encrypted, packed in an unusual way, or refused for its names.
    """
    if len(data) > MAX_ARCHIVE_BYTES:
        raise MalformedError("larger than any evidence bundle")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            check_names([entry.filename for entry in entries])
            return {entry.filename: _read_entry(archive, entry) for entry in entries}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise MalformedError("not a zip archive that can be read") from error
    except (NotImplementedError, RuntimeError) as error:
        raise MalformedError("encrypted, or packed in a way that is not supported") from error


def read_limited(path: Path, *, most: int) -> bytes:
    """Return a file's content, at most one byte more than `most`.

    Raises:
        MalformedError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except (OSError, ValueError) as error:
        raise MalformedError(f"{path}: {getattr(error, 'strerror', None) or 'cannot be read'}") from error


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise MalformedError("packed in a way that is not supported")
    if entry.file_size > MAX_FILE_BYTES:
        raise MalformedError(f"{entry.filename} is too large")
    with archive.open(entry) as file:
        # The directory's size is only a claim: this many bytes are unpacked, and no more.
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) != entry.file_size:
        raise MalformedError(f"{entry.filename} is not of the size that the archive states")
    return data

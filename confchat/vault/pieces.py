"""Reading by pieces of a given size, also where a file system returns less at once."""

from __future__ import annotations

from typing import BinaryIO


def read_fully(file: BinaryIO, wanted: int) -> bytes:
    """Return as many bytes as are wanted, and fewer only where the file ends. Raises `OSError`."""
    piece = file.read(wanted)
    while 0 < len(piece) < wanted and (more := file.read(wanted - len(piece))):
        piece += more
    return piece

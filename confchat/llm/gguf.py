"""The head of a model file in GGUF (ggml's docs/gguf.md, versions 2 and 3, little-endian): its key-value pairs."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

from confchat.errors import ModelError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_PAIRS = 4096
MAX_STRING_BYTES = 16 * 1024 * 1024
MAX_ITEMS = 4_000_000  # far above any vocabulary
_STRING, _ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the pairs of a GGUF file; arrays, which are vocabularies mostly, are read past and given as None.

    Raises:
        ModelError: `model_failed`: the file is not of this format.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        try:
            return _parse(file)
        except (struct.error, UnicodeDecodeError) as error:
            raise _malformed("its head is cut off or garbled") from error


def _parse(file: BinaryIO) -> dict[str, Any]:
    magic, version, _tensors, pairs = struct.unpack("<4sIQQ", file.read(24))
    if magic != MAGIC or version not in VERSIONS or pairs > MAX_PAIRS:
        raise _malformed("it is not GGUF version 2 or 3")
    metadata: dict[str, Any] = {}
    for _ in range(pairs):
        key = _read_string(file)
        metadata[key] = _read_value(file, kind=_read(file, "I"))
    return metadata


def _read_value(file: BinaryIO, *, kind: int) -> Any:
    if kind == _STRING:
        return _read_string(file)
    if kind == _ARRAY:
        return _skip_array(file)
    if kind not in _SCALARS:
        raise _malformed(f"a value has the unknown type {kind}")
    return _read(file, _SCALARS[kind])


def _skip_array(file: BinaryIO) -> None:
    kind, count = _read(file, "I"), _read(file, "Q")
    if count > MAX_ITEMS:
        raise _malformed("an array is too long")
    if kind == _STRING:
        for _ in range(count):
            _read_string(file)
    elif kind in _SCALARS:
        file.seek(count * struct.calcsize(_SCALARS[kind]), 1)
    else:
        raise _malformed(f"an array has the type {kind}")


def _read_string(file: BinaryIO) -> str:
    size = _read(file, "Q")
    if size > MAX_STRING_BYTES:
        raise _malformed("a string is too long")
    data = file.read(size)
    if len(data) != size:
        raise _malformed("its head is cut off")
    return data.decode()


def _read(file: BinaryIO, form: str) -> Any:
    return struct.unpack(f"<{form}", file.read(struct.calcsize(f"<{form}")))[0]


def _malformed(reason: str) -> ModelError:
    return ModelError("model_failed", f"The model file cannot be used: {reason}.")

"""The process that reads one file: bytes on standard input, one JSON object on standard output, and nothing else.

Started by `confchat.documents.parsing`, with an empty environment. Imports what it needs, gives everything up, and only
then looks at the file.
"""

from __future__ import annotations

import contextlib
import encodings
import importlib
import json
import os
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).parents[2]))  # -I leaves the project out

from confchat.documents.confinement import confine
from confchat.documents.kinds import kind_of
from confchat.documents.readers import READERS, Found, ReadingError

# What pypdf and Pillow raise where a file grows beyond reason.
_BOMBS = {"LimitReachedError": "document_too_much", "DecompressionBombError": "image_too_large"}


def main() -> None:
    """Read standard input to its end, and answer."""
    data = sys.stdin.buffer.read()
    kind = kind_of(data)
    try:
        _import_for(kind)
        confine()
    except (OSError, ValueError):
        _answer({"error": "document_unconfined"})
        return
    _answer({"error": "document_kind"} if kind is None else {"kind": kind, **_read(kind, data)})


def _read(kind: str, data: bytes) -> Found:
    """Let a library read the file; whatever it raises means that it cannot."""
    try:
        return READERS[kind](data)
    except ReadingError as error:
        return {"error": error.code}
    except (MemoryError, RecursionError):
        return {"error": "document_too_much"}
    except Exception as error:  # noqa: BLE001  # the process's outermost frame: the file is whatever somebody made it
        return {"error": _BOMBS.get(type(error).__name__, "document_unreadable")}


def _import_for(kind: str | None) -> None:
    """Import all that reading may ask for later: a confined process opens no file."""
    _import_below(encodings)
    if kind == "pdf":
        _import_below(importlib.import_module("pypdf"))
    elif kind == "word":
        _import_below(importlib.import_module("docx"))
    elif kind == "image":
        importlib.import_module("PIL.Image").preinit()
        for name in ("PIL.WebPImagePlugin", "PIL.ImageOps", "copy"):
            importlib.import_module(name)


def _import_below(package: ModuleType) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        with contextlib.suppress(ImportError):  # those of other systems
            importlib.import_module(module.name)


def _answer(members: Found) -> None:
    sys.stdout.buffer.write(json.dumps(members).encode())
    sys.stdout.buffer.flush()
    os._exit(0)  # nothing of the interpreter's end is needed, and a confined one could only fail at it


if __name__ == "__main__":
    main()

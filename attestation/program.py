"""This verifier itself, as it lies in the archives that it judges: its own sources, and a `verify.py` that starts them.

There is no second copy to keep: what is written is what `python -m attestation verify` imports, found by its imports.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

LAUNCHER_NAME = "verify.py"

_ROOT = Path(__file__).resolve().parents[1]
_STARTS = ("attestation.__main__", "attestation.commands.verify")
_NAME = re.compile(r"attestation((/[a-z_]+)+\.py|/policies/[a-z]+\.json)\Z", re.ASCII)
_LAUNCHER = '''"""Judge the evidence in this directory, or in the archive named first; --help says what can be given.

Needs Python 3.11 or newer and its package "cryptography", and nothing else: no network, no server.
This copy came with the evidence. Whoever does not trust where that came from takes the same program from elsewhere.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

from attestation.__main__ import main  # noqa: E402

arguments = sys.argv[1:]
if not arguments or arguments[0].startswith("-"):
    arguments.insert(0, str(HERE))
sys.exit(main(["verify", *arguments]))
'''


def is_program_file(name: str) -> bool:
    """Say whether a name in an archive is one of the program's; such a file is never run or read by the reader."""
    return name == LAUNCHER_NAME or _NAME.match(name) is not None


@cache
def program_files() -> Mapping[str, bytes]:
    """Return the program as names in an archive and their contents."""
    policies = (_ROOT / "attestation" / "policies").glob("*.json")
    sources = {path.relative_to(_ROOT).as_posix(): path.read_bytes() for path in (*_modules(), *policies)}
    return {LAUNCHER_NAME: _LAUNCHER.encode(), **dict(sorted(sources.items()))}


def _modules() -> set[Path]:
    """Return the files of all our modules that the start modules import, and those of their packages."""
    found: set[Path] = set()
    waiting = list(_STARTS)
    while waiting:
        path = _path_of(waiting.pop())
        if path is not None and path not in found:
            found.add(path)
            waiting += _imports(path)
    packages = {folder / "__init__.py" for path in found for folder in path.parents if _ROOT in folder.parents}
    return found | packages


def _path_of(module: str) -> Path | None:
    path = _ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "attestation":
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)

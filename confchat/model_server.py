"""Which program serves the models, and how it was started: read from /proc, where this process may.

Another user's process can be looked at with CAP_SYS_PTRACE only; without it, what serves is not measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from attestation.reference_models import ModelServer
from confchat.file_digests import FileDigests

PROC = Path("/proc")
# What decides whether prompts are written down, or sent to somebody else's machine (ollama envconfig/config.go).
SETTINGS = ("OLLAMA_DEBUG", "OLLAMA_DEBUG_LOG_REQUESTS", "OLLAMA_NO_CLOUD")
DEFAULT_PORT = 11434

_OFF = frozenset({"", "0", "f", "F", "false", "False", "FALSE"})
_LISTENING = "0A"
_ADDRESS = re.compile(r"[0-9A-F]+:([0-9A-F]{4})\Z")


def find_process(host: str, *, proc: Path = PROC) -> int | None:
    """Return the process that listens on the port of a host, written as OLLAMA_HOST is; None where none can be seen."""
    sockets = set(_listening_sockets(urlsplit(host if "//" in host else f"//{host}").port or DEFAULT_PORT, proc))
    for directory in sorted(proc.glob("[0-9]*"), key=lambda path: int(path.name)) if sockets else ():
        if not sockets.isdisjoint(_open_files(directory)):
            return int(directory.name)
    return None


def measure_process(pid: int, *, server: str, digests: FileDigests, proc: Path = PROC) -> ModelServer:
    """Return what a process runs; `server` is what it says of itself over its API.

    The program is read through the process, so it is the one that runs, also where another lies in its place now.

    Raises:
        OSError: this process may not look at it, or it ended.
    """
    directory = proc / str(pid)
    binary = digests.of(directory / "exe")
    values = dict(_environment((directory / "environ").read_bytes()))
    settings = tuple(f"{name}={int(values.get(name, '') not in _OFF)}" for name in SETTINGS)
    return ModelServer(server=server, binary=f"sha256:{binary}", settings=settings)


def _listening_sockets(port: int, proc: Path) -> Iterator[str]:
    """Yield sockets as /proc/<pid>/fd names them (proc(5), /proc/net/tcp)."""
    for name in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / name).read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            address = _ADDRESS.match(fields[1])
            if address is not None and int(address[1], 16) == port and fields[3] == _LISTENING:
                yield f"socket:[{fields[9]}]"


def _open_files(directory: Path) -> Iterator[str]:
    try:
        for descriptor in (directory / "fd").iterdir():
            yield str(descriptor.readlink())
    except OSError:
        return


def _environment(data: bytes) -> Iterator[tuple[str, str]]:
    for entry in data.decode("utf-8", "replace").split("\0"):
        name, _, value = entry.partition("=")
        yield name, value

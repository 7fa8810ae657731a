"""Which program serves the models, and how it was started: read from /proc, where this process may.

Another user's process can be looked at with CAP_SYS_PTRACE only; without it, what serves is not measured.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from attestation.reference_models import ModelServer
from confchat.file_digests import FileDigests

PROC = Path("/proc")
# What decides whether prompts are written down, or sent to somebody else's machine (ollama envconfig/config.go).
SETTINGS = ("OLLAMA_DEBUG", "OLLAMA_DEBUG_LOG_REQUESTS", "OLLAMA_NO_CLOUD")
DEFAULT_PORT = 11434

_OFF = frozenset({"", "0", "f", "F", "false", "False", "FALSE"})
_LISTENING = "0A"
_ADDRESS = re.compile(r"((?:[0-9A-F]{8}){1,4}):([0-9A-F]{4})\Z")
_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def find_process(host: str, *, proc: Path = PROC) -> int | None:
    """Return the process that answers at an address of this machine, written as OLLAMA_HOST is; None where unseen.

    Who listens at the address itself comes before who listens at all of them, as in the kernel.
    """
    parts = urlsplit(host if "//" in host else f"//{host}")
    for addresses in _ways_to(parts.hostname or ""):
        sockets = set(_listening_sockets(addresses, parts.port or DEFAULT_PORT, proc))
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
    values = parse_environment((directory / "environ").read_bytes())
    settings = tuple(f"{name}={int(is_on(values, name))}" for name in SETTINGS)
    return ModelServer(server=server, binary=f"sha256:{binary}", settings=settings)


def parse_environment(data: bytes) -> dict[str, str]:
    """Return what /proc/<pid>/environ holds, stripped as Ollama strips it; the first value of a name counts."""
    values: dict[str, str] = {}
    for entry in data.decode("utf-8", "replace").split("\0"):
        name, _, value = entry.partition("=")
        values.setdefault(name, value.strip().strip("\"'"))
    return values


def is_on(values: Mapping[str, str], name: str) -> bool:
    """Say whether Ollama takes a setting to be on: whatever is not a word for off (its envconfig.Bool)."""
    return values.get(name, "") not in _OFF


def _ways_to(host: str) -> tuple[set[_Address], set[_Address]]:
    """Return the addresses that a host of this machine stands for, and those that stand for every address."""
    try:
        exact: set[_Address] = {ipaddress.ip_address(host)}
    except ValueError:  # localhost
        exact = {ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1")}
    return exact, {ipaddress.IPv4Address("0.0.0.0"), ipaddress.IPv6Address("::")}  # noqa: S104  # looked for, not bound


def _listening_sockets(addresses: Set[_Address], port: int, proc: Path) -> Iterator[str]:
    """Yield sockets as /proc/<pid>/fd names them (proc(5), /proc/net/tcp)."""
    for name in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / name).read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[3] == _LISTENING and _parse_address(fields[1]) in {(each, port) for each in addresses}:
                yield f"socket:[{fields[9]}]"


def _parse_address(text: str) -> tuple[_Address, int] | None:
    """Return address and port; the kernel prints each 32 bits of an address as a number of this machine."""
    found = _ADDRESS.match(text)
    if found is None:
        return None
    words = [int(found[1][at : at + 8], 16) for at in range(0, len(found[1]), 8)]
    if len(words) not in (1, 4):
        return None
    return ipaddress.ip_address(struct.pack(f"={len(words)}I", *words)), int(found[2], 16)


def _open_files(directory: Path) -> Iterator[str]:
    try:
        for descriptor in (directory / "fd").iterdir():
            yield str(descriptor.readlink())
    except OSError:
        return

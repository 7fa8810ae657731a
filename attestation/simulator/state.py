"""What the simulated platform is like now: one small file, replaced whole, that every request reads again."""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attestation.encoding import parse_json
from attestation.errors import ConfigurationError, MalformedError
from attestation.simulator.tcb import EVALUATION_NUMBER

STATE_FILE = "state.json"
MAX_STATE_BYTES = 64 * 1024
QUOTE_VERSIONS = (4, 5)
NOT_EXTENDED = "0" * 96

_VERSION = "confchat/1 simulator state"
_REGISTER = re.compile(r"[0-9a-f]{96}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class TdState:
    """What differs in the TD from the released one, since it was started."""

    is_debuggable: bool = False
    is_other_release: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The platform, what is published about it, and the TD on it.

    `evaluation_number` never falls; `rtmr3` is what the TD has extended since it was started, 96 hex digits.
    """

    changed_at: datetime
    evaluation_number: int = EVALUATION_NUMBER
    is_revoked: bool = False
    is_out_of_date: bool = False
    quote_version: int = 4
    rtmr3: str = NOT_EXTENDED
    td: TdState = field(default_factory=TdState)


def write_state(directory: Path, state: State) -> None:
    """Replace the state file; a reader sees the old one or the new one.

    Raises:
        ConfigurationError: the directory cannot be written.
    """
    members = asdict(state) | {"v": _VERSION, "changed_at": int(state.changed_at.timestamp())}
    write_whole(directory / STATE_FILE, json.dumps(members, indent=1).encode())


def write_whole(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 that appears whole or not at all, in place of what was there.

    Raises:
        ConfigurationError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Let one change of the state after another be made. Raises `ConfigurationError` where there is no simulator."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigurationError(f"there is no simulator in {directory}: run the set-up first") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class StateFile:
    """The state of one directory, parsed again only when the file was replaced."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / STATE_FILE
        self._stamp: tuple[int, ...] = ()
        self._state: State | None = None

    def exists(self) -> bool:
        """Tell whether there is a state to read."""
        return self._path.exists()

    def read(self) -> State:
        """Return the state as it is now.

        Raises:
            ConfigurationError: the file is missing or not a state of this version.
        """
        try:
            status = self._path.stat()
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
            if self._state is None or stamp != self._stamp:
                with self._path.open("rb") as file:
                    self._state = parse_state(file.read(MAX_STATE_BYTES))
                self._stamp = stamp
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be read: {error.strerror}") from error
        except MalformedError as error:
            raise ConfigurationError(f"{self._path} is not a state of this simulator: {error}") from error
        return self._state


def parse_state(data: bytes) -> State:
    """Parse the bytes of a state file.

    Raises:
        MalformedError: unknown, missing or ill-typed members.
    """
    members = parse_json(data)
    if not isinstance(members, dict) or members.pop("v", None) != _VERSION:
        raise MalformedError("another version")
    td = members.pop("td", None)
    try:
        state = State(**_typed(members, State), td=TdState(**_typed(td, TdState)))
    except TypeError as error:
        raise MalformedError("unknown or missing members") from error
    if state.quote_version not in QUOTE_VERSIONS:
        raise MalformedError("quote_version is neither 4 nor 5")
    if not _REGISTER.match(state.rtmr3):
        raise MalformedError("rtmr3 is not 48 bytes in hex")
    return state


def _typed(members: Any, kind: type[State] | type[TdState]) -> dict[str, Any]:
    """Check each member against the type that the class gives it; times are seconds since the epoch."""
    if not isinstance(members, dict):
        raise MalformedError("expected an object")
    values: dict[str, Any] = {}
    for name, value in members.items():
        wanted = kind.__annotations__.get(name)
        if {bool: "bool", int: "int", str: "str"}.get(type(value)) != ("int" if wanted == "datetime" else wanted):
            raise MalformedError(f"{name} is not of its type")
        values[name] = datetime.fromtimestamp(value, UTC) if wanted == "datetime" else value
    return values

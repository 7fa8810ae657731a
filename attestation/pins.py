"""What a person has seen of sites before, kept in one small file: operators' keys, trusted on first use, and logs."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from attestation.archive import read_limited
from attestation.encoding import MAX_INTEGER, b64decode, b64encode, parse_json
from attestation.errors import ConfigurationError, MalformedError
from attestation.log.merkle import HASH_SIZE
from attestation.members import Members
from attestation.policy import LogView

MAX_BYTES = 1024 * 1024
KEY_SIZE = 32


@dataclass(frozen=True, slots=True)
class Pin:
    """An operator's log key (32 bytes), when it was first seen (ISO 8601), and the log as it was last verified."""

    key: bytes
    since: str
    seen: LogView | None = None

    def grown_to(self, log: LogView) -> Pin:
        """Return this pin with a log that was verified; a smaller one, of a slower program, is old news."""
        seen = self.seen
        if seen is not None and seen.origin == log.origin and seen.size >= log.size:
            return self
        return replace(self, seen=log)


def read_pins(path: Path) -> dict[str, Pin]:
    """Return what is known of each origin; nothing where there is no file yet.

    Raises:
        ConfigurationError: the file cannot be read as one of ours: what it knew must not be forgotten silently.
    """
    if not path.exists():
        return {}
    try:
        members = parse_json(read_limited(path, most=MAX_BYTES))
        return {origin: _read_pin(item) for origin, item in members.items()}
    except (MalformedError, AttributeError, LookupError, TypeError) as error:
        raise ConfigurationError(f"{path} does not hold the keys that were seen before") from error


def keep_pin(path: Path, origin: str, pin: Pin) -> None:
    """Write down what is known of one origin beside the others, whole or not at all; other programs may do so, too.

    Raises:
        ConfigurationError: the file cannot be read or written, or another key was remembered meanwhile.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with _locked(path):
            pins = read_pins(path)
            known = pins.get(origin, pin)
            if known.key != pin.key:
                raise ConfigurationError(f"{path} remembers another operator's key of {origin}")
            pins[origin] = known if pin.seen is None else known.grown_to(pin.seen)
            members = {name: _members(each) for name, each in pins.items()}
            draft.write_text(json.dumps(members, indent=1, sort_keys=True) + "\n")
            draft.replace(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.with_name(f".{path.name}.lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read_pin(item: Any) -> Pin:
    members = Members(item)
    seen = None
    if "log" in item:
        log = Members(item["log"])
        size = log.integer("size", limit=MAX_INTEGER)
        seen = LogView(origin=log.text("origin"), size=size, root=b64decode(log.text("root"), size=HASH_SIZE))
    return Pin(b64decode(members.text("log_key"), size=KEY_SIZE), members.text("since"), seen)


def _members(pin: Pin) -> dict[str, Any]:
    members: dict[str, Any] = {"log_key": b64encode(pin.key), "since": pin.since}
    if pin.seen is not None:
        members["log"] = {"origin": pin.seen.origin, "size": pin.seen.size, "root": b64encode(pin.seen.root)}
    return members

"""The operators' keys that a person has seen before: trust on first use, kept in one small file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from attestation.archive import read_limited
from attestation.encoding import b64decode, b64encode, parse_json
from attestation.errors import ConfigurationError, MalformedError
from attestation.printing import write_time

MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pin:
    """An operator's log key (32 bytes), and when it was first seen (ISO 8601)."""

    key: bytes
    since: str


def read_pins(path: Path) -> dict[str, Pin]:
    """Return the known key of each origin; none where there is no file yet.

    Raises:
        ConfigurationError: the file cannot be read as one of ours: what it knew must not be forgotten silently.
    """
    if not path.exists():
        return {}
    try:
        members = parse_json(read_limited(path, most=MAX_BYTES))
        return {
            origin: Pin(b64decode(item["log_key"], size=32), str(item["since"])) for origin, item in members.items()
        }
    except (MalformedError, AttributeError, LookupError, TypeError) as error:
        raise ConfigurationError(f"{path} does not hold the keys that were seen before") from error


def add_pin(path: Path, pins: Mapping[str, Pin], *, origin: str, key: bytes, now: datetime) -> None:
    """Write down one more key, whole or not at all.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    members = {name: {"log_key": b64encode(pin.key), "since": pin.since} for name, pin in pins.items()}
    members[origin] = {"log_key": b64encode(key), "since": write_time(now)}
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(members, indent=1, sort_keys=True) + "\n")
        draft.replace(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error

"""What is remembered of a log from call to call: one small file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from attestation.archive import read_limited
from attestation.encoding import b64decode, b64encode, parse_json
from attestation.errors import ConfigurationError, MalformedError
from attestation.log.checkpoint import Checkpoint, VerifierKey, build_vkey, parse_vkey
from attestation.log.cosignature import build_witness_vkey, parse_witness_vkey
from attestation.printing import write_time

MAX_STATE_BYTES = 64 * 1024

_VERSION = "confchat/1 log state"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is remembered of a log: its key, its last verified state, and the witnesses pinned."""

    key: VerifierKey
    checkpoint: Checkpoint
    witnesses: tuple[VerifierKey, ...] = ()


def read_state(path: Path) -> State | None:
    """Return what is remembered of a log, None where there is no file yet.

    Raises:
        ConfigurationError: the file holds something else: what it knew must not be forgotten silently.
    """
    if not path.exists():
        return None
    try:
        members = parse_json(read_limited(path, most=MAX_STATE_BYTES))
        if members["v"] != _VERSION or type(members["size"]) is not int:
            raise MalformedError("another version")
        key = parse_vkey(members["key"])
        return State(
            key=key,
            checkpoint=Checkpoint(origin=key.name, size=members["size"], root=b64decode(members["root"], size=32)),
            witnesses=tuple(parse_witness_vkey(vkey) for vkey in members.get("witnesses", [])),
        )
    except (MalformedError, LookupError, TypeError) as error:
        raise ConfigurationError(f"{path} does not hold what was seen of a log") from error


def write_state(path: Path, state: State, *, now: datetime) -> None:
    """Write down what was verified, whole or not at all. Raises `ConfigurationError` where it cannot be."""
    members = {
        "v": _VERSION,
        "key": build_vkey(state.key.name, state.key.key),
        "size": state.checkpoint.size,
        "root": b64encode(state.checkpoint.root),
        "seen_at": write_time(now),
        "witnesses": [build_witness_vkey(witness) for witness in state.witnesses],
    }
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(members, indent=1) + "\n")
        draft.replace(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error

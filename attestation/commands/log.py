"""`python -m attestation log`: follow a site's transparency log, and see for oneself that it only grew."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from attestation.archive import read_limited
from attestation.commands.client import Site
from attestation.encoding import b64decode, b64encode, parse_json
from attestation.errors import AppraisalError, ConfigurationError, MalformedError
from attestation.log.checkpoint import Checkpoint, VerifierKey, build_vkey, parse_vkey
from attestation.log.follower import audit, fetch_checkpoint, verify_growth
from attestation.printing import Progress, printable, write_time

PREFIX = "/attestation/log/"
MAX_STATE_BYTES = 64 * 1024

_VERSION = "confchat/1 log state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What was found of a log: `reason` is one sentence where it is not consistent, else None."""

    key: VerifierKey
    key_from: str
    seen: Checkpoint | None
    now: Checkpoint | None
    audited: bool
    reason: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may be given."""
    parser.add_argument("url", metavar="URL", help="the site's address, such as https://chat.example")
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="where the log's key and size are remembered from call to call"
    )
    parser.add_argument(
        "--key",
        type=_key,
        metavar="VKEY",
        help="the log's verifier key (name+id+key), got from elsewhere; without it, and without a state, the site's "
        "own word is taken for it",
    )
    parser.add_argument("--audit", action="store_true", help="read every entry and compute the whole tree anew")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def run(options: argparse.Namespace) -> bool:
    """Follow the log, say what was found, remember it if it is consistent, and return whether it is."""
    with Site(options.url) as site:
        found = follow(site, key=options.key, state=options.state, full=options.audit)
    if found.reason is None and options.state is not None and found.now is not None:
        write_state(options.state, found.key, found.now, now=options.clock())
    if options.json:
        print(json.dumps(to_members(found), ensure_ascii=False, indent=2))
    else:
        print(printable(to_text(found)))
    return found.reason is None


def follow(site: Site, *, key: VerifierKey | None, state: Path | None, full: bool) -> Following:
    """Compare a site's log with what is remembered of it; `full` reads all of it.

    Raises:
        ConfigurationError: the state is none, or of another log than the key names.
        UnavailableError, MalformedError: the site does not answer with a log.
    """
    remembered = None if state is None else read_state(state)
    if remembered is not None and key is not None and remembered[0] != key:
        raise ConfigurationError(f"{state} remembers a log with another key; name another file for this one")
    source = "the state file" if remembered is not None else "you"
    known = key if remembered is None else remembered[0]
    if known is None:
        known, source = _published_key(site), "the site itself: nobody else has vouched for it"
    seen = None if remembered is None else remembered[1]
    now: Checkpoint | None = None

    def get(path: str) -> bytes:
        return site.get(PREFIX + path)

    try:
        now = fetch_checkpoint(get, known)
        verify_growth(get, seen, now)
        if full:
            _audit(get, now)
    except AppraisalError as error:
        return Following(key=known, key_from=source, seen=seen, now=now, audited=full, reason=error.detail)
    return Following(key=known, key_from=source, seen=seen, now=now, audited=full, reason=None)


def read_state(path: Path) -> tuple[VerifierKey, Checkpoint] | None:
    """Return a log's key and its last verified checkpoint, None where there is no file yet.

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
        return key, Checkpoint(origin=key.name, size=members["size"], root=b64decode(members["root"], size=32))
    except (MalformedError, LookupError, TypeError) as error:
        raise ConfigurationError(f"{path} does not hold what was seen of a log") from error


def write_state(path: Path, key: VerifierKey, checkpoint: Checkpoint, *, now: datetime) -> None:
    """Write a verified checkpoint down, whole or not at all. Raises `ConfigurationError` where it cannot be."""
    members = {
        "v": _VERSION,
        "key": build_vkey(key.name, key.key),
        "size": checkpoint.size,
        "root": b64encode(checkpoint.root),
        "seen_at": write_time(now),
    }
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(members, indent=1) + "\n")
        draft.replace(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error


def to_members(found: Following) -> dict[str, Any]:
    """Return what was found as one JSON object."""
    return {
        "consistent": found.reason is None,
        "reason": found.reason,
        "key": build_vkey(found.key.name, found.key.key),
        "key_from": found.key_from,
        "seen": _checkpoint_members(found.seen),
        "now": _checkpoint_members(found.now),
        "audited": found.audited,
    }


def to_text(found: Following) -> str:
    """Return what was found in words, one sentence after the other."""
    said = [f"Log {found.key.name}, its key known from {found.key_from}."]
    if found.reason is not None:
        return " ".join([*said, f"NOT CONSISTENT: {found.reason}"])
    size = 0 if found.now is None else found.now.size
    said.append(f"It has {size} entries, signed by its key.")
    if found.seen is None:
        said.append("Nothing was known of it before, so there was nothing to compare.")
    else:
        said.append(f"Its first {found.seen.size} are those seen before: it only grew.")
    if found.audited:
        said.append("Every entry was read, and together they are what was signed.")
    return " ".join(said)


def _audit(get: Callable[[str], bytes], now: Checkpoint) -> None:
    progress = Progress("Reading the log")
    try:
        audit(get, now, tell=progress.show)
    finally:
        progress.close()


def _published_key(site: Site) -> VerifierKey:
    keys = site.get_json("/attestation/keys")
    log = keys.get("log") if isinstance(keys, Mapping) else None
    vkey = log.get("vkey") if isinstance(log, Mapping) else None
    if not isinstance(vkey, str):
        raise MalformedError("the site names no key of its log")
    return parse_vkey(vkey)


def _checkpoint_members(checkpoint: Checkpoint | None) -> dict[str, Any] | None:
    return None if checkpoint is None else {"size": checkpoint.size, "root": b64encode(checkpoint.root)}


def _key(text: str) -> VerifierKey:
    try:
        return parse_vkey(text)
    except MalformedError as error:
        raise argparse.ArgumentTypeError(f"{error}: name+id+key is expected") from error

"""`python -m attestation log`: follow a site's transparency log, and see for oneself that it only grew."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from attestation.commands.log_state import State, read_state, write_state
from attestation.encoding import b64encode
from attestation.errors import AppraisalError, ConfigurationError, MalformedError, UnavailableError
from attestation.log.checkpoint import Checkpoint, VerifierKey, build_vkey, parse_vkey
from attestation.log.cosignature import build_witness_vkey, parse_witness_vkey
from attestation.log.follower import audit, fetch_checkpoint, verify_growth, verify_witnessed
from attestation.printing import Progress, printable, write_time
from attestation.site import Site

PREFIX = "/attestation/log/"

# Of those whom a site names, so many are asked about.
MOST_WITNESSES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """What one witness cosigned, and when; `fault` is one sentence where that cannot be shown, else None."""

    witness: VerifierKey
    size: int | None
    at: datetime | None
    fault: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What was found of a log: `reason` is one sentence where it is not consistent, else None.

    `witnessed` are those whom the caller pins, of whom each must have cosigned; else those whom the site names.
    """

    key: VerifierKey
    key_from: str
    seen: Checkpoint | None
    now: Checkpoint | None
    audited: bool
    reason: str | None
    pinned: tuple[VerifierKey, ...] = ()
    witnessed: tuple[Witnessed, ...] = ()


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
    parser.add_argument(
        "--witness",
        type=_witness,
        action="append",
        default=[],
        metavar="VKEY",
        help="a witness whose cosignature is asked for (name+id+key, got from elsewhere); may be given more than once, "
        "and is remembered in the state; without one, those whom the site names are only shown",
    )
    parser.add_argument("--audit", action="store_true", help="read every entry and compute the whole tree anew")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def run(options: argparse.Namespace) -> bool:
    """Follow the log, say what was found, remember it if it is consistent, and return whether it is."""
    with Site(options.url) as site:
        found = follow(
            site,
            key=options.key,
            state=options.state,
            full=options.audit,
            witnesses=tuple(options.witness),
            clock=options.clock,
        )
    if found.reason is None and options.state is not None and found.now is not None:
        state = State(key=found.key, checkpoint=found.now, witnesses=found.pinned)
        write_state(options.state, state, now=options.clock())
    if options.json:
        print(json.dumps(to_members(found), ensure_ascii=False, indent=2))
    else:
        print("\n".join(printable(line) for line in to_lines(found)))
    return found.reason is None


def follow(
    site: Site,
    *,
    key: VerifierKey | None,
    state: Path | None,
    full: bool,
    witnesses: tuple[VerifierKey, ...],
    clock: Callable[[], datetime],
) -> Following:
    """Compare a site's log with what is remembered of it; `full` reads all of it.

    Raises:
        ConfigurationError: the state is none, or of another log than the key names.
        UnavailableError, MalformedError: the site does not answer with a log.
    """
    remembered = None if state is None else read_state(state)
    if remembered is not None and key is not None and remembered.key != key:
        raise ConfigurationError(f"{state} remembers a log with another key; name another file for this one")
    source = "the state file" if remembered is not None else "you"
    known = key if remembered is None else remembered.key
    if known is None:
        known, source = _published_key(site), "the site itself: nobody else has vouched for it"
    seen = None if remembered is None else remembered.checkpoint
    pinned = tuple(dict.fromkeys([*(() if remembered is None else remembered.witnesses), *witnesses]))
    now: Checkpoint | None = None
    found: tuple[Witnessed, ...] = ()
    reason: str | None = None

    def get(path: str) -> bytes:
        return site.get(PREFIX + path)

    try:
        now = fetch_checkpoint(get, known)
        verify_growth(get, seen, now)
        found = tuple(_witnessed(get, known, each, now, clock) for each in pinned or _named_witnesses(site))
        if full:
            _audit(get, now)
        reason = next((each.fault for each in found if each.fault is not None and pinned), None)
    except AppraisalError as error:
        reason = error.detail
    return Following(
        key=known,
        key_from=source,
        seen=seen,
        now=now,
        audited=full,
        reason=reason,
        pinned=pinned,
        witnessed=found,
    )


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
        "witnesses_from": "you" if found.pinned else "the site itself",
        "witnessed": [
            {
                "vkey": build_witness_vkey(each.witness),
                "size": each.size,
                "cosigned_at": None if each.at is None else write_time(each.at),
                "fault": each.fault,
            }
            for each in found.witnessed
        ],
    }


def to_lines(found: Following) -> list[str]:
    """Return what was found in words: of the log in one line, then a line for each witness."""
    said = [f"Log {found.key.name}, its key known from {found.key_from}."]
    if found.reason is not None:
        return [" ".join([*said, f"NOT CONSISTENT: {found.reason}"])]
    size = 0 if found.now is None else found.now.size
    said.append(f"It has {size} entries, signed by its key.")
    if found.seen is None:
        said.append("Nothing was known of it before, so there was nothing to compare.")
    else:
        said.append(f"Its first {found.seen.size} are those seen before: it only grew.")
    if found.audited:
        said.append("Every entry was read, and together they are what was signed.")
    return [" ".join(said), *(_witness_line(each, size, found.pinned) for each in found.witnessed)]


def _witness_line(found: Witnessed, size: int, pinned: tuple[VerifierKey, ...]) -> str:
    whose = "" if pinned else " Only the site vouches for this witness's key."
    if found.fault is not None or found.size is None or found.at is None:
        return f"Not witnessed by {found.witness.name}: {found.fault}{whose}"
    rest = f" {size - found.size} later entries are not witnessed yet." if size > found.size else ""
    return f"Witnessed by {found.witness.name} at {write_time(found.at)}: {found.size} entries.{rest}{whose}"


def _witnessed(
    get: Callable[[str], bytes],
    key: VerifierKey,
    witness: VerifierKey,
    latest: Checkpoint,
    clock: Callable[[], datetime],
) -> Witnessed:
    try:
        seen, cosignature = verify_witnessed(get, key, witness, latest, now=clock())
    except UnavailableError:
        fault: str = f"The site shows no cosignature of {witness.name}."
    except MalformedError as error:
        fault = f"What the site shows of {witness.name} cannot be read: {error}."
    except AppraisalError as error:
        fault = error.detail
    else:
        return Witnessed(witness=witness, size=seen.size, at=cosignature.at, fault=None)
    return Witnessed(witness=witness, size=None, at=None, fault=fault)


def _named_witnesses(site: Site) -> tuple[VerifierKey, ...]:
    """Return the witnesses whom the site names."""
    listed = site.get_json(f"{PREFIX}witnesses")
    items = listed.get("witnesses") if isinstance(listed, Mapping) else None
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise MalformedError("the site's list of witnesses does not have the known form")
    return tuple(parse_witness_vkey(str(item.get("vkey"))) for item in items[:MOST_WITNESSES])


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


def _witness(text: str) -> VerifierKey:
    try:
        return parse_witness_vkey(text)
    except MalformedError as error:
        raise argparse.ArgumentTypeError(f"{error}: name+id+key is expected") from error


def _key(text: str) -> VerifierKey:
    try:
        return parse_vkey(text)
    except MalformedError as error:
        raise argparse.ArgumentTypeError(f"{error}: name+id+key is expected") from error

"""What a log entry says: what happened, when and how it ended; to whom, only as a hash that nobody can guess.

An entry is JSON of sorted members without white space. Its `commitment` is SHA-256 over a label, a random salt of 32
bytes and the facts; whoever is given salt and facts can tell that they belong to this entry, and nobody else can.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from attestation.encoding import b64decode, b64encode, parse_json
from attestation.errors import AppraisalError, ConfigurationError, MalformedError
from attestation.log.tiles import MAX_ENTRY_BYTES
from attestation.quote import parse_quote

VERSION = "confchat/1 log entry"
SALT_SIZE = 32

Kind = Literal["attestation", "opening", "policy", "approval", "history key", "deletion"]

_LABEL = b"confchat/1 log commitment\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One entry's exact bytes; `salt` (32 bytes) opens its commitment, and is None where it has none."""

    kind: Kind
    entry: bytes
    salt: bytes | None


def build_leaf(kind: Kind, *, at: datetime, says: Mapping[str, Any]) -> Leaf:
    """Build an entry that says everything in clear.

    Raises:
        ConfigurationError: larger than an entry may be (65535 bytes).
    """
    members = {**says, "v": VERSION, "kind": kind, "at": int(at.timestamp())}
    entry = canonical_json(members)
    if len(entry) > MAX_ENTRY_BYTES:
        raise ConfigurationError(f"a log entry of {len(entry)} bytes is larger than {MAX_ENTRY_BYTES}")
    return Leaf(kind=kind, entry=entry, salt=None)


def build_blinded_leaf(
    kind: Kind, *, at: datetime, says: Mapping[str, Any], facts: Mapping[str, Any], salt: bytes
) -> Leaf:
    """Build an entry that says `says` in clear and commits to `facts`; `salt` is 32 random bytes."""
    clear = build_leaf(kind, at=at, says={**says, "commitment": b64encode(commit(facts, salt))})
    return Leaf(kind=kind, entry=clear.entry, salt=salt)


def commit(facts: Mapping[str, Any], salt: bytes) -> bytes:
    """Return the 32 bytes that stand in an entry for `facts`."""
    return hashlib.sha256(_LABEL + salt + canonical_json(facts)).digest()


def attestation_facts(
    *, record: str, statement: bytes, quote_signed: bytes, verdict: Mapping[str, Any]
) -> dict[str, str]:
    """Return what an attestation's entry commits to.

    Args:
        quote_signed: the quote's header and body, which is what the processor signed; the rest of a quote can be
            written in other ways that mean the same.
        verdict: what the server found, see `verdict_members`.
    """
    digests = {
        "statement_sha256": statement,
        "quote_signed_sha256": quote_signed,
        "verdict_sha256": canonical_json(verdict),
    }
    return {"record": record, **{name: hashlib.sha256(data).hexdigest() for name, data in digests.items()}}


def signed_part(quote: bytes) -> bytes:
    """Return a quote's header and body, which the processor signed, or all of a quote that cannot be read."""
    try:
        return parse_quote(quote).signed
    except MalformedError:
        return quote


def verdict_members(
    *, outcome: str, checks: list[Any], token: str | None, verifier: Any, error: str | None, others: Any
) -> dict[str, Any]:
    """Return a verdict as it is hashed: the server's own outcome and checks, and what its attestation services said.

    `others` are the answers of further services; where only one was asked there is no such member.
    """
    members = {"outcome": outcome, "checks": checks, "token": token, "verifier": verifier, "error": error}
    return {**members, "others": others} if others else members


def opening_facts(*, record: str, client_outcome: str) -> dict[str, str]:
    """Return what an opening's entry commits to."""
    return {"record": record, "client_outcome": client_outcome}


def verify_commitment(entry: bytes, *, kind: Kind, facts: Mapping[str, Any], salt: bytes) -> Mapping[str, Any]:
    """Return the members of an entry of this kind that commits to these facts.

    Raises:
        MalformedError: not an entry that this version writes.
        AppraisalError: of another kind, or of other facts (`log_differs`).
    """
    members = parse_entry(entry)
    if members["kind"] != kind:
        raise AppraisalError("log_differs", "The log entry is about something else.")
    if not hmac.compare_digest(b64decode(members.get("commitment"), size=32), commit(facts, salt)):
        raise AppraisalError("log_differs", "The log entry is about other evidence or another verdict.")
    return members


def parse_entry(entry: bytes) -> Mapping[str, Any]:
    """Parse an entry. Raises `MalformedError` where its version, kind or time is not readable."""
    members = parse_json(entry)
    if not isinstance(members, dict) or members.get("v") != VERSION:
        raise MalformedError("not a log entry of this version")
    if not isinstance(members.get("kind"), str) or type(members.get("at")) is not int:
        raise MalformedError("a log entry without kind or time")
    return members


def canonical_json(value: Any) -> bytes:
    """Return JSON of sorted members, without white space or escapes, as UTF-8: equal values are equal bytes."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

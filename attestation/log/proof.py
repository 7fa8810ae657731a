"""A record's place in the log, as its evidence carries it (C2SP tlog-proof): judged without the server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from attestation.errors import AppraisalError, MalformedError
from attestation.log.checkpoint import decode, encode, verify_checkpoint
from attestation.log.leaves import SALT_SIZE, verify_commitment
from attestation.log.merkle import HASH_SIZE, hash_leaf, verify_inclusion

# A tree of 2^53 leaves has paths of 53 hashes.
MAX_PATH = 64

_HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,15})\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProof:
    """An entry, the salt of its commitment (32 bytes), and the path from it to a signed checkpoint's root."""

    entry: bytes
    salt: bytes
    index: int
    path: tuple[bytes, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """Whether a record stands in the public log: `unknown` where that could not be asked."""

    status: Literal["pass", "fail", "unknown"]
    detail: str


def build_proof(proof: LogProof) -> str:
    """Return a proof in tlog-proof's form; its extra data is the salt, which nothing but the commitment vouches for."""
    hashes = "".join(f"{encode(node)}\n" for node in proof.path)
    return f"{_HEADER}\nextra {encode(proof.salt)}\nindex {proof.index}\n{hashes}\n{proof.note}"


def parse_proof(text: str, *, entry: bytes) -> LogProof:
    """Parse what `build_proof` writes. Parsed, not verified.

    Raises:
        MalformedError: not such a proof.
    """
    head, separator, note = text.partition("\n\n")
    lines = head.split("\n")
    index = _INDEX.match(lines[2]) if len(lines) > 2 else None
    if not separator or lines[0] != _HEADER or not lines[1].startswith("extra ") or index is None:
        raise MalformedError("not the proof of a log entry")
    salt, path = decode(lines[1].removeprefix("extra ")), tuple(decode(line) for line in lines[3:])
    if len(salt) != SALT_SIZE or len(path) > MAX_PATH or any(len(node) != HASH_SIZE for node in path):
        raise MalformedError("the proof of a log entry has hashes of another size")
    return LogProof(entry=entry, salt=salt, index=int(index[1]), path=path, note=note)


def judge_log_proof(
    proof: LogProof | None, *, facts: Mapping[str, Any], origin: str | None, log_key: bytes | None
) -> Logged:
    """Say whether an attestation with these facts stands in the log of this origin, signed by this key (32 bytes)."""
    if proof is None:
        return Logged(status="unknown", detail="The archive brings no proof of it.")
    if origin is None or log_key is None:
        return Logged(status="unknown", detail="Not checked: the log's key is not known here.")
    try:
        checkpoint = verify_checkpoint(proof.note, origin=origin, public_key=log_key)
        verify_inclusion(
            index=proof.index,
            size=checkpoint.size,
            leaf=hash_leaf(proof.entry),
            path=proof.path,
            root=checkpoint.root,
        )
        verify_commitment(proof.entry, kind="attestation", facts=facts, salt=proof.salt)
    except MalformedError as error:
        return Logged(status="fail", detail=f"The proof cannot be read: {error}.")
    except AppraisalError as error:
        return Logged(status="fail", detail=error.detail)
    return Logged(status="pass", detail=f"It is entry {proof.index} of the public log {checkpoint.origin}.")

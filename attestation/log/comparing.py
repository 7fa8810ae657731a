"""Two checkpoints compared: what was signed once, proved to be the beginning of what was signed later."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count

from attestation import publication
from attestation.errors import AppraisalError, ConfigurationError, MalformedError
from attestation.log.checkpoint import Checkpoint, encode, verify_checkpoint
from attestation.log.key import LogKey
from attestation.log.merkle import verify_consistency
from attestation.log.store import log_size, read_tree
from attestation.models import LogCheckpoint, LogEntry

# Entries between two checkpoints are counted by kind as far as this many.
MOST_COUNTED = 100_000

_SIZE = re.compile(r"(0|[1-9][0-9]{0,15})\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An older and a newer checkpoint. `fault` is one sentence where the newer does not continue the older.

    `proof` is the RFC 6962 consistency proof, each hash in base64; `added` counts what came between by kind, None
    where that is too much to count.
    """

    older: Checkpoint
    newer: Checkpoint
    proof: tuple[str, ...]
    added: Mapping[str, int] | None
    fault: str | None

    @property
    def growth(self) -> int:
        """How many entries the newer one has more."""
        return self.newer.size - self.older.size


def read_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint that somebody names by its size, or gives as a signed note.

    Raises:
        MalformedError: neither.
        AppraisalError: of another log, or not signed by this one's key (`log_differs`); or none of this size was kept
            (`checkpoint_unknown`).
    """
    key = publication.log_key()
    text = text.strip()
    if _SIZE.match(text) is None:
        return _verify(text.replace("\r\n", "\n") + "\n", key)
    kept = LogCheckpoint.objects.filter(size=int(text)).first()
    if kept is None:
        raise AppraisalError("checkpoint_unknown", f"No checkpoint of {text} entries was signed.")
    return _verify(kept.note, key)


def compare_checkpoints(first: Checkpoint, second: Checkpoint) -> Comparison:
    """Prove from the entries as they are that the larger of two signed checkpoints continues the smaller."""
    older, newer = sorted((first, second), key=lambda checkpoint: checkpoint.size)
    if newer.size > log_size():
        return _found(older, newer, fault=f"This server's database has only {log_size()} entries: it was set back.")
    tree = read_tree(newer.size)
    try:
        proof = tree.prove_consistency(older.size) if 0 < older.size < newer.size else []
        if tree.root() != newer.root:
            return _found(older, newer, fault="The entries are not those of the newer checkpoint any more.")
        if older.size == newer.size and older.root != newer.root:
            return _found(older, newer, fault="Two histories of the same length were signed.")
        verify_consistency(
            old_size=older.size, old_root=older.root, new_size=newer.size, new_root=newer.root, proof=proof
        )
    except (AppraisalError, ConfigurationError) as error:
        detail = error.detail if isinstance(error, AppraisalError) else str(error)
        return _found(older, newer, fault=detail)
    return _found(older, newer, proof=tuple(encode(node) for node in proof), fault=None)


def _found(older: Checkpoint, newer: Checkpoint, *, fault: str | None, proof: tuple[str, ...] = ()) -> Comparison:
    counted = fault is None and newer.size - older.size <= MOST_COUNTED
    added = _count(older.size, newer.size) if counted else None
    return Comparison(older=older, newer=newer, proof=proof, added=added, fault=fault)


def _count(start: int, end: int) -> dict[str, int]:
    between = LogEntry.objects.filter(index__gte=start, index__lt=end).order_by("kind")
    return dict(between.values_list("kind").annotate(Count("index")))


def _verify(note: str, key: LogKey) -> Checkpoint:
    try:
        return verify_checkpoint(note, origin=key.origin, public_key=key.public)
    except MalformedError as error:
        raise MalformedError("neither a size nor a signed note of a checkpoint") from error

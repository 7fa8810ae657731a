"""The log in the database: entries are appended in their writer's transaction, tiles are read, checkpoints signed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from attestation.errors import ConfigurationError
from attestation.log.checkpoint import Checkpoint
from attestation.log.leaves import Leaf
from attestation.log.merkle import EMPTY_ROOT, hash_leaf, hash_leaves
from attestation.log.proof import LogProof
from attestation.log.signer import CheckpointSigner, Growth, SignedCheckpoint
from attestation.log.tiles import WIDTH, Tile, TiledTree, build_bundle
from attestation.models import Attestation, LogCheckpoint, LogEntry, LogHead, LogNode


def append_leaf(leaf: Leaf, *, record: Attestation | None = None) -> int:
    """Append an entry and return its index; the caller's transaction decides whether it ever was.

    Raises:
        DatabaseError: it could not be written.
    """
    with transaction.atomic():
        # The row is held until the outer transaction ends: indexes are given in the order of commits, without gaps.
        head, _ = LogHead.objects.select_for_update().get_or_create(pk=1)
        index = head.size
        LogEntry.objects.create(
            index=index,
            kind=leaf.kind,
            entry=leaf.entry,
            hash=hash_leaf(leaf.entry),
            salt=leaf.salt,
            record=record,
        )
        LogHead.objects.filter(pk=1).update(size=index + 1)
        _complete_tiles(index + 1)
        return index


def log_size() -> int:
    """Return how many entries there are, signed for or not."""
    return LogHead.objects.filter(pk=1).values_list("size", flat=True).first() or 0


def read_tree(size: int) -> TiledTree:
    """Return the tree of the first `size` entries."""
    return TiledTree(size, read_hashes)


def read_hashes(level: int, index: int, width: int) -> Sequence[bytes]:
    """Return the hashes of one tile.

    Raises:
        ConfigurationError: some are missing in the database.
    """
    found = _find_hashes(level, index, width)
    if len(found) != width:
        raise ConfigurationError(
            f"The database lacks log entries: only {len(found)} of {width} stand in tile {index} of level {level}. "
            "Bring back the database as it was."
        )
    return found


def read_tile(tile: Tile) -> bytes:
    """Return a tile, or a bundle of entries, as it is published; what the database lacks is missing there too."""
    if tile.level is not None:
        return b"".join(_find_hashes(tile.level, tile.index, tile.width))
    start = tile.index * WIDTH
    rows = LogEntry.objects.filter(index__gte=start, index__lt=start + tile.width).order_by("index")
    return build_bundle(bytes(entry) for entry in rows.values_list("entry", flat=True))


def read_log_proof(attestation: Attestation) -> LogProof | None:
    """Return the proof that a record's entry stands in the first checkpoint that covers it, None before there is one.

    Raises:
        ConfigurationError: the database lacks entries.
    """
    row = LogEntry.objects.filter(record=attestation, kind="attestation").first()
    kept = None if row is None else LogCheckpoint.objects.filter(size__gt=row.index).order_by("size").first()
    if row is None or row.salt is None or kept is None:
        return None
    return LogProof(
        entry=bytes(row.entry),
        salt=bytes(row.salt),
        index=row.index,
        path=tuple(read_tree(kept.size).prove_inclusion(row.index)),
        note=kept.note,
    )


def read_log_proofs(records: Sequence[Attestation], kept: LogCheckpoint | None) -> dict[UUID, LogProof]:
    """Return, by record, the proof that its entry stands in one checkpoint; those that it does not cover have none.

    Each tile of the tree is read once for all of them.

    Raises:
        ConfigurationError: the database lacks entries.
    """
    if kept is None:
        return {}
    rows = LogEntry.objects.filter(record__in=records, kind="attestation", index__lt=kept.size, salt__isnull=False)
    tree = read_tree(kept.size)
    return {
        row.record_id: LogProof(
            entry=bytes(row.entry),
            salt=bytes(row.salt or b""),
            index=row.index,
            path=tuple(tree.prove_inclusion(row.index)),
            note=kept.note,
        )
        for row in rows
        if row.record_id is not None
    }


def sign_log(signer: CheckpointSigner) -> SignedCheckpoint:
    """Sign a checkpoint of every entry that is durable now, if the log only grew; else return the last one.

    Must stand outside of any transaction: what is signed for has to be committed.

    Raises:
        ConfigurationError: the database does not continue what was signed, or the file of what was signed is gone.
        UnavailableError: that file cannot be written now.
    """
    if transaction.get_connection().in_atomic_block:
        raise ConfigurationError("a checkpoint is signed outside of transactions")
    if signer.last() is None and (newest := LogCheckpoint.objects.order_by("-size").first()) is not None:
        raise ConfigurationError(
            f"{signer.path}, which holds the last signed checkpoint (of {newest.size} entries), is missing. "
            "Nothing is signed. Bring it back from a backup, together with the key beside it."
        )
    signed = signer.advance(_measure)
    if signed.checkpoint.size > 0:
        _remember(signed)
    return signed


def _find_hashes(level: int, index: int, width: int) -> list[bytes]:
    places = {"index__gte": index * WIDTH, "index__lt": index * WIDTH + width}
    rows: QuerySet[Any] = LogEntry.objects.filter(**places)
    if level > 0:
        rows = LogNode.objects.filter(level=level, **places)
    return [bytes(value) for value in rows.order_by("index").values_list("hash", flat=True)]


def _measure(before: Checkpoint) -> Growth:
    size = log_size()
    if size < before.size:
        return Growth(size=size, root=EMPTY_ROOT, proof=())
    tree = read_tree(size)
    return Growth(size=size, root=tree.root(), proof=tree.prove_consistency(before.size))


def _remember(signed: SignedCheckpoint) -> None:
    size, note = signed.checkpoint.size, signed.note
    kept, is_new = LogCheckpoint.objects.get_or_create(size=size, defaults={"note": note, "signed_at": timezone.now()})
    if not is_new and kept.note != note:
        raise ConfigurationError(f"The database holds another checkpoint of {size} log entries than the one signed.")


def _complete_tiles(size: int) -> None:
    """Store the hash of each tile that is full with the entry just appended."""
    level, count = 0, size
    while count % WIDTH == 0:
        index = count // WIDTH - 1
        LogNode.objects.create(level=level + 1, index=index, hash=hash_leaves(read_hashes(level, index, WIDTH)))
        level, count = level + 1, count // WIDTH

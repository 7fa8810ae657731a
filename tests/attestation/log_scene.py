"""Logs for tests: in memory as tiles, or in the database with a signer beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from attestation.log.key import LogKey
from attestation.log.leaves import Leaf, build_blinded_leaf
from attestation.log.merkle import hash_leaf, hash_leaves
from attestation.log.signer import CheckpointSigner
from attestation.log.store import append_leaf
from attestation.log.tiles import WIDTH, TiledTree

ORIGIN = "chat.example/attestation-log"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def leaf(number: int) -> Leaf:
    """Return one of many different entries, always the same for a number."""
    facts = {"record": str(number)}
    return build_blinded_leaf("attestation", at=AT, says={"outcome": "affirming"}, facts=facts, salt=bytes(32))


def tree_of(hashes: Sequence[bytes], *, size: int | None = None) -> TiledTree:
    """Return a tree over leaf hashes whose tiles are made when they are asked for."""

    def fetch(level: int, index: int, width: int) -> Sequence[bytes]:
        span = WIDTH**level
        first = index * WIDTH * span
        return [hash_leaves(hashes[first + at * span : first + (at + 1) * span]) for at in range(width)]

    return TiledTree(len(hashes) if size is None else size, fetch)


def leaf_hashes(count: int) -> list[bytes]:
    return [hash_leaf(leaf(number).entry) for number in range(count)]


def grow(count: int, *, start: int = 0) -> None:
    """Append entries to the log in the database, all in one transaction."""
    with transaction.atomic():
        for number in range(start, start + count):
            append_leaf(leaf(number))


def build_signer(directory: Path) -> CheckpointSigner:
    """Return a signer whose file stands in a directory; the key is always the same."""
    return CheckpointSigner(build_key(), directory / "log.checkpoint")


def build_key() -> LogKey:
    return LogKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([3] * 32)))

"""Merkle trees and their proofs (RFC 6962, section 2.1; verification as in RFC 9162, sections 2.1.3.2 and 2.1.4.2).

A tree is a function: `range_hash(start, end)` is the Merkle tree hash of the leaves from `start` to before `end`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from attestation.errors import AppraisalError

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

RangeHash = Callable[[int, int], bytes]

_LEAF, _NODE = b"\x00", b"\x01"


def hash_leaf(entry: bytes) -> bytes:
    """Return the hash of one log entry."""
    return hashlib.sha256(_LEAF + entry).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over two others."""
    return hashlib.sha256(_NODE + left + right).digest()


def hash_leaves(leaves: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash of hashed leaves."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    half = split_point(len(leaves))
    return hash_children(hash_leaves(leaves[:half]), hash_leaves(leaves[half:]))


def split_point(size: int) -> int:
    """Return the largest power of two below `size`, where a tree of two leaves or more is divided."""
    return 1 << (size - 1).bit_length() - 1


def prove_inclusion(index: int, size: int, range_hash: RangeHash) -> list[bytes]:
    """Return the audit path of a leaf in the tree of `size` leaves, its sibling first (RFC 6962, 2.1.1)."""
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + split_point(end - start)
        if index < middle:
            path.append(range_hash(middle, end))
            end = middle
        else:
            path.append(range_hash(start, middle))
            start = middle
    return path[::-1]


def prove_consistency(old: int, new: int, range_hash: RangeHash) -> list[bytes]:
    """Return the proof that the tree of `new` leaves begins with that of `old` (RFC 6962, 2.1.2); empty for old 0."""
    if old in (0, new):
        return []
    start, end, proof, is_whole = 0, new, [], True
    while old != end:
        middle = start + split_point(end - start)
        if old <= middle:
            proof.append(range_hash(middle, end))
            end = middle
        else:
            proof.append(range_hash(start, middle))
            start, is_whole = middle, False
    if not is_whole:
        proof.append(range_hash(start, end))
    return proof[::-1]


def verify_inclusion(*, index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Check that a hashed leaf stands at `index` in the tree of `size` leaves that has this root.

    Raises:
        AppraisalError: it does not (`log_differs`).
    """
    if not 0 <= index < size:
        raise AppraisalError("log_differs", "The log has no such entry.")
    position, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise AppraisalError("log_differs", "The proof of the log entry is too long.")
        if position & 1 or position == last:
            found = hash_children(sibling, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = hash_children(found, sibling)
        position, last = position >> 1, last >> 1
    if last or found != root:
        raise AppraisalError("log_differs", "The entry does not stand in the log.")


def verify_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the newer tree begins with every leaf of the older one.

    Raises:
        AppraisalError: it does not, or the proof does not show it (`log_differs`).
    """
    if old_size in (0, new_size):
        is_same = old_root == (EMPTY_ROOT if old_size == 0 else new_root)
        _expect(is_same and not proof)
        return
    _expect(0 < old_size < new_size)
    # A complete older tree is a node of the newer one, and the proof leaves it out.
    nodes = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    _expect(bool(nodes))
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = nodes[0]
    for node in nodes[1:]:
        _expect(last != 0)
        if position & 1 or position == last:
            old, new = hash_children(node, old), hash_children(node, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = hash_children(new, node)
        position, last = position >> 1, last >> 1
    _expect(last == 0 and old == old_root and new == new_root)


def _expect(condition: bool) -> None:
    if not condition:
        raise AppraisalError("log_differs", "The log does not continue the one seen before.")

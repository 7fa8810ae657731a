"""Merkle trees, proofs and tiles, held to an independent implementation (tlog-scales) and to themselves."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tlog_scales.reader import TilesReader
from tlog_scales.tiles import tile_path
from tlog_scales.tlog import ConsistencyProof, InclusionProof

from attestation.errors import AppraisalError, MalformedError
from attestation.log.merkle import EMPTY_ROOT, hash_leaf, hash_leaves, verify_consistency, verify_inclusion
from attestation.log.tiles import (
    Tile,
    TiledTree,
    build_bundle,
    parse_tile_path,
    split_bundle,
    split_hashes,
    tiles_of,
)
from tests.attestation.log_scene import leaf_hashes, tree_of

# Around every place where tiles and levels begin.
SIZES = [*range(1, 20), 31, 64, 100, 255, 256, 257, 300, 511, 512, 513, 700]


class Backend:
    """Our tiles, as tlog-scales reads them: only those that a log of this size has."""

    def __init__(self, tree: TiledTree) -> None:
        self._tree = tree

    def get(self, *path: str) -> bytes | None:
        tile = parse_tile_path("/".join(path[1:]))
        if tile.level is None or not tile.fits(self._tree.size):
            return None
        return b"".join(self._tree._fetch(tile.level, tile.index, tile.width))


def reader_of(tree: TiledTree) -> TilesReader:
    reader = TilesReader(Backend(tree))
    reader.set_size(tree.size)
    return reader


@pytest.fixture(scope="module")
def hashes() -> list[bytes]:
    return leaf_hashes(700)


@pytest.mark.parametrize("size", SIZES)
def test_roots_are_those_of_the_definition_and_of_another_implementation(hashes: list[bytes], size: int) -> None:
    tree = tree_of(hashes[:size])
    assert tree.root() == hash_leaves(hashes[:size]) == reader_of(tree).calculate_root_hash()


@pytest.mark.parametrize("size", SIZES)
def test_inclusion_proofs_are_accepted_by_both_implementations(hashes: list[bytes], size: int) -> None:
    tree = tree_of(hashes[:size])
    reader, root = reader_of(tree), tree.root()
    for index in {0, size // 2, size - 1, random.Random(size).randrange(size)}:
        path = tree.prove_inclusion(index)
        assert path == reader.get_inclusion_proof(index, size).node_hashes
        InclusionProof(index, size, path).check(hashes[index], root)
        verify_inclusion(index=index, size=size, leaf=hashes[index], path=path, root=root)


@pytest.mark.parametrize("new", SIZES)
def test_consistency_proofs_are_accepted_by_both_implementations(hashes: list[bytes], new: int) -> None:
    tree = tree_of(hashes[:new])
    reader, root = reader_of(tree), tree.root()
    for old in [size for size in SIZES if size <= new]:
        proof, old_root = tree.prove_consistency(old), hash_leaves(hashes[:old])
        assert proof == reader.get_consistency_proof(old, new).node_hashes
        ConsistencyProof(old, new, proof).check(old_root, root)
        verify_consistency(old_size=old, old_root=old_root, new_size=new, new_root=root, proof=proof)


def test_every_log_continues_the_empty_one(hashes: list[bytes]) -> None:
    verify_consistency(old_size=0, old_root=EMPTY_ROOT, new_size=5, new_root=hash_leaves(hashes[:5]), proof=[])
    with pytest.raises(AppraisalError):
        verify_consistency(old_size=0, old_root=bytes(32), new_size=5, new_root=hash_leaves(hashes[:5]), proof=[])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_other_history_and_no_changed_proof_is_consistent(hashes: list[bytes], data: st.DataObject) -> None:
    new = data.draw(st.integers(2, 300))
    old = data.draw(st.integers(1, new - 1))
    changed = [*hashes[:new]]
    changed[data.draw(st.integers(0, old - 1))] = bytes(32)
    proof = tree_of(changed).prove_consistency(old)
    old_root, other_root = hash_leaves(hashes[:old]), hash_leaves(changed)
    with pytest.raises(AppraisalError):
        verify_consistency(old_size=old, old_root=old_root, new_size=new, new_root=other_root, proof=proof)
    good = tree_of(hashes[:new]).prove_consistency(old)
    at = data.draw(st.integers(0, len(good) - 1))
    for bad in ([*good[:at], bytes(32), *good[at + 1 :]], good[:-1], [*good, bytes(32)], []):
        with pytest.raises(AppraisalError):
            verify_consistency(
                old_size=old, old_root=old_root, new_size=new, new_root=hash_leaves(hashes[:new]), proof=bad
            )


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_other_leaf_place_or_path_is_included(hashes: list[bytes], data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 300))
    index = data.draw(st.integers(0, size - 1))
    tree = tree_of(hashes[:size])
    path, root, leaf = tree.prove_inclusion(index), tree.root(), hashes[index]
    other = (index + data.draw(st.integers(1, size - 1))) % size
    for changed in (
        {"index": other},
        {"leaf": bytes(32)},
        {"path": path[:-1]},
        {"path": [*path, bytes(32)]},
        {"path": path[::-1]} if path != path[::-1] else {"index": size},
        {"size": index},
        {"index": -1},
    ):
        claim = {"index": index, "size": size, "leaf": leaf, "path": path, "root": root} | changed
        with pytest.raises(AppraisalError):
            verify_inclusion(**claim)


@pytest.mark.parametrize("index", [0, 7, 999, 1000, 1234067, 10**9])
@pytest.mark.parametrize("width", [1, 255, 256])
def test_tiles_have_the_paths_that_the_specification_gives_them(index: int, width: int) -> None:
    tile = Tile(3, index, width)
    assert ["tile", *tile.path.split("/")] == tile_path(3, index, width % 256)
    assert parse_tile_path(tile.path) == tile
    entries = Tile(None, index, width)
    assert ["tile", *entries.path.split("/")] == tile_path(-1, index, width % 256)
    assert parse_tile_path(entries.path) == entries


def test_the_example_of_the_specification() -> None:
    assert Tile(0, 1234067).path == "0/x001/x234/067"
    assert sum(1 for _ in tiles_of(70_000, level=0)) == 274
    assert [*tiles_of(70_000, level=0)][-1] == Tile(0, 273, 112)
    assert [*tiles_of(70_000, level=1)] == [Tile(1, 0), Tile(1, 1, 17)]
    assert [*tiles_of(70_000, level=2)] == [Tile(2, 0, 1)]
    assert [*tiles_of(256, level=1)] == [Tile(1, 0, 1)]


@pytest.mark.parametrize(
    "path",
    [
        *("", "0", "0/", "0/00", "0/0000", "0/x000/000", "00/000", "64/000", "-1/000", "0/x1/000", "0/000/000"),
        *("0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p/", "0/000.p/1/", "0/000 ", "0/٠٠٠", "entries/x000/001"),
        *("entry/000", "0/../000", "checkpoint", "0/000.p/1\n", "0/x001/x/000"),
    ],
)
def test_a_tile_has_one_path_and_no_other(path: str) -> None:
    with pytest.raises(MalformedError):
        parse_tile_path(path)


def test_bundles_come_apart_as_they_were_joined_and_not_otherwise() -> None:
    entries = [b"", b"one", bytes(65535)]
    bundle = build_bundle(entries)
    assert split_bundle(bundle, count=3) == entries
    for damaged, count in ((bundle[:-1], 3), (bundle + b"\x00", 3), (bundle, 2), (bundle, 4), (b"", 1)):
        with pytest.raises(MalformedError):
            split_bundle(damaged, count=count)
    with pytest.raises(MalformedError):
        split_hashes(bytes(63), count=2)


def test_leaves_and_nodes_are_never_taken_for_each_other() -> None:
    left, right = hash_leaf(b"a"), hash_leaf(b"b")
    assert hash_leaves([left, right]) == hashlib.sha256(b"\x01" + left + right).digest()
    assert hash_leaf(left + right) != hash_leaves([left, right])

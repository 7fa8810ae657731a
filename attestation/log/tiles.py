"""A Merkle tree as tiles of 256 hashes, and entries as bundles of 256 (C2SP tlog-tiles).

Level `l` of the tiles is level `8 * l` of the tree: tile hash `i` there covers `256**l` leaves from `i * 256**l`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from attestation.errors import MalformedError
from attestation.log.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    hash_children,
    prove_consistency,
    prove_inclusion,
    split_point,
)

WIDTH = 256
MAX_LEVEL = 63
MAX_ENTRY_BYTES = 2**16 - 1
MAX_BUNDLE_BYTES = WIDTH * (2 + MAX_ENTRY_BYTES)

# Three path elements of index: 10**9 tiles, of which each holds 256.
_INDEX = re.compile(r"(?:x[0-9]{3}/)*[0-9]{3}\Z", re.ASCII)
_PATH = re.compile(r"(?P<level>entries|0|[1-9][0-9]?)/(?P<index>[x0-9/]{3,40}?)(?:\.p/(?P<width>[1-9][0-9]{0,2}))?\Z")

# (level, index, width) -> the tile's hashes.
Fetch = Callable[[int, int, int], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile's place: its level (None for a bundle of entries), its index there, and how many it holds (1 to 256)."""

    level: int | None
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """The tile's path below `tile/`."""
        groups = f"{self.index:03d}" if self.index < 1000 else _group(self.index)
        part = "" if self.width == WIDTH else f".p/{self.width}"
        return f"{'entries' if self.level is None else self.level}/{groups}{part}"

    def fits(self, size: int) -> bool:
        """Say whether a log of `size` entries is covered as far as this tile reaches."""
        leaves_each: int = WIDTH ** (self.level or 0)
        return (self.index * WIDTH + self.width) * leaves_each <= size


def parse_tile_path(path: str) -> Tile:
    """Parse what stands behind `tile/`.

    Raises:
        MalformedError: not the one way to write a tile's path.
    """
    match = _PATH.match(path)
    if match is None or not _INDEX.match(match["index"]):
        raise MalformedError("not the path of a tile")
    level = None if match["level"] == "entries" else int(match["level"])
    tile = Tile(level, int(match["index"].replace("/", "").replace("x", "")), int(match["width"] or WIDTH))
    if (level or 0) > MAX_LEVEL or tile.width > WIDTH or tile.path != path:
        raise MalformedError("not the path of a tile")
    return tile


def tiles_of(size: int, *, level: int | None) -> Iterable[Tile]:
    """Yield the tiles of a level, or the bundles of entries, of a log of `size` entries."""
    full, rest = divmod(size // WIDTH ** (level or 0), WIDTH)
    yield from (Tile(level, index) for index in range(full))
    if rest:
        yield Tile(level, full, rest)


def split_hashes(data: bytes, *, count: int) -> list[bytes]:
    """Take a tile apart. Raises `MalformedError` where it does not hold `count` hashes of 32 bytes."""
    if len(data) != count * HASH_SIZE:
        raise MalformedError("a tile is not of the size that was asked for")
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


def build_bundle(entries: Iterable[bytes]) -> bytes:
    """Join entries, each behind its length (two bytes, big-endian)."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def split_bundle(data: bytes, *, count: int) -> list[bytes]:
    """Take a bundle apart. Raises `MalformedError` where it does not hold exactly `count` entries."""
    entries, at = [], 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if at > len(data):
            raise MalformedError("a bundle of log entries ends too early")
        entries.append(data[start:at])
    if len(entries) != count:
        raise MalformedError("a bundle does not hold the entries that were asked for")
    return entries


class TiledTree:
    """The tree of `size` leaves, computed from tiles; the tiles are not believed, only hashed.

    `fetch` is asked for each tile once, at most as wide as the tree needs it.
    """

    def __init__(self, size: int, fetch: Fetch) -> None:
        self.size = size
        self._fetch = fetch
        self._tiles: dict[tuple[int, int], Sequence[bytes]] = {}

    def root(self) -> bytes:
        """Return the root (32 bytes)."""
        return self.range_hash(0, self.size)

    def prove_inclusion(self, index: int) -> list[bytes]:
        """Return the audit path of a leaf."""
        return prove_inclusion(index, self.size, self.range_hash)

    def prove_consistency(self, old_size: int) -> list[bytes]:
        """Return the proof that this tree begins with the one of `old_size` leaves."""
        return prove_consistency(old_size, self.size, self.range_hash)

    def range_hash(self, start: int, end: int) -> bytes:
        """Return the Merkle tree hash of a range of leaves that RFC 6962 hashes together."""
        if start == end:
            return EMPTY_ROOT
        level, first, last = 0, start, end
        while first % WIDTH == 0 and last % WIDTH == 0:
            level, first, last = level + 1, first // WIDTH, last // WIDTH
        if last == first + 1:
            return self._node(level, first)
        middle = start + split_point(end - start)
        return hash_children(self.range_hash(start, middle), self.range_hash(middle, end))

    def _node(self, level: int, index: int) -> bytes:
        key = level, index // WIDTH
        if key not in self._tiles:
            width = min(WIDTH, self.size // WIDTH**level - key[1] * WIDTH)
            self._tiles[key] = self._fetch(level, key[1], width)
        return self._tiles[key][index % WIDTH]


def _group(index: int) -> str:
    digits = str(index).zfill(-(-len(str(index)) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])

"""Vectors of a document's passages: made small, packed to be stored, and compared with a question's. Pure.

A vector is kept as whole numbers from -127 to 127, its largest part being 127, beside its length.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

MOST = 127
HEAD_BYTES = 4  # how many numbers each vector has, little-endian
LENGTH_BYTES = 4  # of each vector, a float


@dataclass(frozen=True, slots=True)
class Vectors:
    """One vector of `size` numbers for each passage of a document, in their order."""

    size: int
    lengths: array[float]
    numbers: array[int]


def make_vectors(found: Sequence[Sequence[float]]) -> Vectors:
    """Return what is kept of vectors, which all have one size."""
    small = [_shrink(vector) for vector in found]
    numbers = array("b", b"".join(vector.tobytes() for vector in small))
    return Vectors(len(small[0]) if small else 0, array("f", map(_length, small)), numbers)


def join_vectors(parts: Sequence[Vectors]) -> Vectors | None:
    """Return the vectors of all parts; None where there are none, or some are of another size."""
    if len({part.size for part in parts}) != 1:
        return None
    lengths, numbers = array("f"), array("b")
    for part in parts:
        lengths += part.lengths
        numbers += part.numbers
    return Vectors(parts[0].size, lengths, numbers)


def pack_vectors(vectors: Vectors) -> bytes:
    """Return vectors as bytes, to be encrypted: their size, their lengths, their numbers."""
    return vectors.size.to_bytes(HEAD_BYTES, "little") + vectors.lengths.tobytes() + vectors.numbers.tobytes()


def unpack_vectors(data: bytes) -> Vectors:
    """Return what `pack_vectors` packed."""
    size, rest = int.from_bytes(data[:HEAD_BYTES], "little"), data[HEAD_BYTES:]
    ends_at = LENGTH_BYTES * (len(rest) // (size + LENGTH_BYTES))
    return Vectors(size, array("f", rest[:ends_at]), array("b", rest[ends_at:]))


def closeness(vectors: Vectors, question: Sequence[float]) -> list[float]:
    """Return the cosine of each passage with a question; none where the question's vector is of another size."""
    asked = _shrink(question)
    length, size = _length(asked), vectors.size
    if len(asked) != size:
        return []
    products = (
        sum(map(mul, vectors.numbers[at * size : (at + 1) * size], asked)) for at in range(len(vectors.lengths))
    )
    return [
        product / (length * own) if length and own else 0.0
        for product, own in zip(products, vectors.lengths, strict=True)
    ]


def _shrink(vector: Sequence[float]) -> array[int]:
    """Return a vector in whole numbers; one without a direction, or with what is no number, becomes zeros."""
    largest = max(map(abs, vector), default=0.0)
    if not 0 < largest < math.inf or any(map(math.isnan, vector)):
        return array("b", bytes(len(vector)))
    return array("b", (round(MOST * number / largest) for number in vector))


def _length(vector: array[int]) -> float:
    return math.sqrt(sum(map(mul, vector, vector)))

"""A stream of bytes taken apart at separators, each piece of limited size."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from confchat.llm import failures
from confchat.llm.ndjson import MAX_LINE_BYTES


async def split_pieces(
    chunks: AsyncIterator[bytes], *, separators: tuple[bytes, ...], most_bytes: int = MAX_LINE_BYTES
) -> AsyncGenerator[bytes, None]:
    """Yield what stands between separators (one byte each), also behind the last; empty pieces are left out.

    Raises:
        ModelError: a piece is longer than `most_bytes`.
    """
    first = separators[0]
    held = bytearray()
    async for chunk in chunks:
        *whole, rest = _split(chunk, first, separators[1:])
        for piece in whole:
            held += piece
            if held:
                yield _limited(bytes(held), most_bytes)
            held.clear()
        held += rest
        _limited(held, most_bytes)
    if held:
        yield bytes(held)


def _split(chunk: bytes, separator: bytes, others: tuple[bytes, ...]) -> list[bytes]:
    for other in others:
        chunk = chunk.replace(other, separator)
    return chunk.split(separator)


def _limited(piece: bytes | bytearray, most_bytes: int) -> bytes:
    if len(piece) > most_bytes:
        raise failures.not_understood()
    return bytes(piece) if isinstance(piece, bytearray) else piece

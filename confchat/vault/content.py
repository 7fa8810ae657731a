"""File contents as gocryptfs stores them with its default flags: AES-256-GCM in blocks of 4096 bytes.

An empty file is empty. Any other: version 00 02, file id (16 bytes), then for each block i its IV (16), ciphertext
and tag (16), with u64be(i) || file id as associated data. Nothing says where a file ends: see `manifest`.
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from confchat.vault.errors import DamagedError

VERSION = b"\x00\x02"
FILE_ID_SIZE = 16
HEADER_SIZE = len(VERSION) + FILE_ID_SIZE
IV_SIZE = TAG_SIZE = 16
OVERHEAD = IV_SIZE + TAG_SIZE
PLAIN_BLOCK = 4096
STORED_BLOCK = PLAIN_BLOCK + OVERHEAD
# How many blocks are worked on at once: half a megabyte.
BLOCKS_AT_ONCE = 128
_HOLE = bytes(STORED_BLOCK)
_NO_IV = bytes(IV_SIZE)


def stored_size(plain: int) -> int:
    """Return the bytes that a file of `plain` bytes takes."""
    return plain and HEADER_SIZE + plain + OVERHEAD * -(-plain // PLAIN_BLOCK)


def plain_size(stored: int, *, name: str) -> int:
    """Return the bytes that a stored file holds.

    Raises:
        DamagedError: no file has this size: it is cut within its header or a block.
    """
    if not stored:
        return 0
    whole, rest = divmod(stored - HEADER_SIZE, STORED_BLOCK)
    if stored <= HEADER_SIZE or 0 < rest <= OVERHEAD:
        raise DamagedError(f"{name} is cut off: no file of {stored} bytes is written.")
    return whole * PLAIN_BLOCK + (rest and rest - OVERHEAD)


def parse_header(header: bytes, *, name: str) -> bytes:
    """Return the file id.

    Raises:
        DamagedError: cut, of another version, or all zero.
    """
    if len(header) != HEADER_SIZE or not header.startswith(VERSION):
        raise DamagedError(f"{name} does not begin as an encrypted file does.")
    file_id = header[len(VERSION) :]
    if not any(file_id):
        raise DamagedError(f"{name} has a hole where its file id should be.")
    return file_id


def seal_blocks(
    plain: bytes, *, cipher: AESGCM, file_id: bytes, first: int, randomness: Callable[[int], bytes]
) -> bytes:
    """Encrypt consecutive blocks, of which `first` is the number of the first; only a file's last may be short."""
    count = -(-len(plain) // PLAIN_BLOCK)
    ivs = randomness(IV_SIZE * count)
    parts = []
    for number in range(count):
        iv = ivs[number * IV_SIZE : (number + 1) * IV_SIZE]
        block = plain[number * PLAIN_BLOCK : (number + 1) * PLAIN_BLOCK]
        parts += [iv, cipher.encrypt(iv, block, (first + number).to_bytes(8, "big") + file_id)]
    return b"".join(parts)


def open_blocks(stored: bytes, *, cipher: AESGCM, file_id: bytes, first: int, name: str) -> bytes:
    """Decrypt consecutive blocks of one file.

    Raises:
        DamagedError: a hole, which gocryptfs would show as zeros that nobody wrote; an IV of zeros; or any change.
    """
    parts = []
    for start in range(0, len(stored), STORED_BLOCK):
        block, number = stored[start : start + STORED_BLOCK], first + start // STORED_BLOCK
        if block.startswith(_NO_IV):
            kind = "a hole" if block == _HOLE else "an empty IV"
            raise DamagedError(f"{name} has {kind} at block {number}.")
        try:
            parts.append(cipher.decrypt(block[:IV_SIZE], block[IV_SIZE:], number.to_bytes(8, "big") + file_id))
        except (InvalidTag, ValueError) as error:
            raise DamagedError(f"{name} was changed at block {number}.") from error
    return b"".join(parts)

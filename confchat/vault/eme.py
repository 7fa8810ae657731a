"""EME, the wide-block cipher of gocryptfs' file names (Halevi and Rogaway, "A Parallelizable Enciphering Mode", 2003).

As github.com/rfjakob/eme has it: AES-256, 1 to 16 blocks, a tweak of 16 bytes, doubling in GF(2^128) little-endian.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK_SIZE = 16
MAX_BLOCKS = 16
_CARRY = 1 << 128
_POLYNOMIAL = 0x87


class Eme:
    """Enciphers whole blocks under one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        # Single blocks only: EME itself is the mode, and ECB is how a library names the bare block cipher.
        cipher = Cipher(algorithms.AES256(key), modes.ECB())  # noqa: S305
        self._encrypt_blocks = cipher.encryptor().update
        self._decrypt_blocks = cipher.decryptor().update
        self._first_mask = _double(_number(self._encrypt_blocks(bytes(BLOCK_SIZE))))

    def encrypt(self, data: bytes, *, tweak: bytes) -> bytes:
        """Encipher 16 to 256 bytes, a multiple of 16; the tweak has 16 bytes."""
        return self._transform(data, tweak=tweak, cipher=self._encrypt_blocks)

    def decrypt(self, data: bytes, *, tweak: bytes) -> bytes:
        """Decipher what `encrypt` made; without a redundancy in the data, a wrong key or tweak gives noise."""
        return self._transform(data, tweak=tweak, cipher=self._decrypt_blocks)

    def _transform(self, data: bytes, *, tweak: bytes, cipher: Callable[[bytes], bytes]) -> bytes:
        count, rest = divmod(len(data), BLOCK_SIZE)
        if rest or not 1 <= count <= MAX_BLOCKS or len(tweak) != BLOCK_SIZE:
            raise ValueError("EME takes 1 to 16 whole blocks and a tweak of one block")
        masks = list(_doublings(self._first_mask, count))
        middle = _numbers(cipher(_join(a ^ b for a, b in zip(_numbers(data), masks, strict=True))))
        before = _sum(middle) ^ _number(tweak)
        after = _number(cipher(_bytes(before)))
        spread = list(_doublings(before ^ after, count))
        others = [value ^ mask for value, mask in zip(middle[1:], spread[1:], strict=True)]
        mixed = [after ^ _number(tweak) ^ _sum(others), *others]
        return _join(a ^ b for a, b in zip(_numbers(cipher(_join(mixed))), masks, strict=True))


def _doublings(first: int, count: int) -> Iterator[int]:
    for _ in range(count):
        yield first
        first = _double(first)


def _double(value: int) -> int:
    value <<= 1
    return value ^ _CARRY ^ _POLYNOMIAL if value & _CARRY else value


def _sum(values: list[int]) -> int:
    total = 0
    for value in values:
        total ^= value
    return total


def _number(block: bytes) -> int:
    return int.from_bytes(block, "little")


def _bytes(value: int) -> bytes:
    return value.to_bytes(BLOCK_SIZE, "little")


def _numbers(data: bytes) -> list[int]:
    return [_number(data[start : start + BLOCK_SIZE]) for start in range(0, len(data), BLOCK_SIZE)]


def _join(values: Iterator[int] | list[int]) -> bytes:
    return b"".join(map(_bytes, values))

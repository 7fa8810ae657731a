"""Small models to encrypt, and the parts that encrypting needs."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from confchat.vault.encrypting import Owner, encrypt_files
from confchat.vault.writer import Encryption, SourceFile

KEY = b"fUqVTGJ1kZ9bY4h0mCwXo2sRj7NdEe5aLp3iQx8u6Zs"
SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
OWNER = Owner(signing_key=SIGNING_KEY, now=1_800_000_000)
OWNER_KEY = SIGNING_KEY.public_key().public_bytes_raw()

# A cheap scrypt: the key is random, and tests are many.
ENCRYPTION = Encryption(password=KEY, randomness=os.urandom, scrypt_n=1024)

LONG_NAME = "n" * 255
# Every edge of the format: no byte, one, a block and one less or more, several pieces; names around the long ones.
CONTENTS = {
    "config.json": b"{}",
    "empty": b"",
    "one": b"1",
    "4095": os.urandom(4095),
    "4096": os.urandom(4096),
    "4097": os.urandom(4097),
    "pieces.safetensors": os.urandom(1_300_000),
    "a" * 175: b"short",
    "b" * 176: b"long",
    LONG_NAME: b"longest",
    "deep/er/日本語.txt": "日本語\n".encode(),
    f"{'d' * 200}/inside": b"in a directory with a long name",
}


def write_source(directory: Path, contents: dict[str, bytes] = CONTENTS) -> list[SourceFile]:
    """Write files in clear, and return them as sources."""
    for name, content in contents.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return [SourceFile(path=PurePosixPath(name), file=directory / name) for name in contents]


def encrypt(directory: Path, target: Path, contents: dict[str, bytes] = CONTENTS) -> Path:
    """Encrypt some files; return the directory with its manifest."""
    encrypt_files(write_source(directory, contents), target, encryption=ENCRYPTION, owner=OWNER)
    return target


def read_tree(directory: Path) -> dict[str, bytes]:
    """Return every file below a directory."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }

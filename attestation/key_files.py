"""Private keys on disk: PKCS#8 PEM, readable by their owner alone, never overwritten."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from attestation.errors import ConfigurationError

MAX_KEY_FILE_BYTES = 16 * 1024


def write_private_key(path: Path, key: PrivateKeyTypes) -> None:
    """Write a key to a new file of mode 0600 that appears whole or not at all.

    Raises:
        ConfigurationError: there is a file already (it is kept), or the directory cannot be written.
    """
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link, unlike a rename, never replaces a key that another process has just made.
            os.link(draft, path)
        finally:
            draft.unlink()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be created: {error.strerror}") from error


def read_private_key(path: Path) -> PrivateKeyTypes:
    """Read a key written by `write_private_key`.

    Raises:
        ConfigurationError: missing, readable by others than its owner, or not a private key.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            pem = file.read(MAX_KEY_FILE_BYTES)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"{path} is readable by others than its owner: chmod 600 it, and make a new key")
    try:
        return load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{path} holds no private key") from error

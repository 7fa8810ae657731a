"""The key with which an owner signs the manifests of his models: a file that is made when it is first needed."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from attestation.errors import ConfigurationError
from attestation.key_files import read_private_key, write_private_key
from confchat.vault.errors import StorageError


def signing_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in a file, which is made, for its owner alone, where there is none.

    Raises:
        StorageError: it cannot be read or made, is open to others, or holds another kind of key.
    """
    if not path.exists():
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private_key(path, Ed25519PrivateKey.generate())
        except (ConfigurationError, OSError) as error:
            raise StorageError(f"No signing key can be made: {error}.") from error
    return known_signing_key(path)


def known_signing_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in a file that must be there. Raises `StorageError`."""
    try:
        key = read_private_key(path)
    except ConfigurationError as error:
        raise StorageError(f"The signing key cannot be used: {error}.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StorageError(f"{path} holds no Ed25519 key.")
    return key

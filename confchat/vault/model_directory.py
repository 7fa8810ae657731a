"""An encrypted model as one directory: `manifest.json`, `manifest.sig`, and `contents/`, which the manifest names."""

from __future__ import annotations

from pathlib import Path

from attestation.encoding import b64decode
from attestation.errors import MalformedError
from confchat.vault.errors import DamagedError, StorageError
from confchat.vault.manifest import (
    CONTENTS_NAME,
    MANIFEST_NAME,
    MAX_BYTES,
    SIGNATURE_NAME,
    Manifest,
    verify_manifest,
)
from confchat.vault.reader import Vault, open_vault

_MOST_SIGNATURE_BYTES = 256
SIGNATURE_SIZE = 64


def read_manifest(directory: Path, *, owner_key: bytes) -> Manifest:
    """Read and verify a directory's manifest under its owner's key (Ed25519, 32 bytes); no content is looked at.

    Raises:
        DamagedError: not signed by this key, or no manifest.
        UnsupportedError: of another version.
        StorageError: there is none, or it cannot be read.
    """
    manifest = _read(directory / MANIFEST_NAME, most=MAX_BYTES)
    signature = parse_signature(_read(directory / SIGNATURE_NAME, most=_MOST_SIGNATURE_BYTES))
    return verify_manifest(manifest, signature, key=owner_key)


def parse_signature(data: bytes) -> bytes:
    """Return the 64 bytes of a signature's file. Raises `DamagedError`."""
    try:
        return b64decode(data.decode("ascii", "replace").strip(), size=SIGNATURE_SIZE)
    except MalformedError as error:
        raise DamagedError(f"{SIGNATURE_NAME} holds no signature.") from error


def open_model(directory: Path, password: bytes, *, owner_key: bytes) -> Vault:
    """Open an encrypted model with its key, to be read and held to its manifest while it is read.

    Raises:
        VaultError: as `read_manifest` and `open_vault` do.
    """
    manifest = read_manifest(directory, owner_key=owner_key)
    return open_vault(directory / CONTENTS_NAME, password, manifest=manifest)


def _read(path: Path, *, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > most:
        raise DamagedError(f"{path} is too large.")
    return data

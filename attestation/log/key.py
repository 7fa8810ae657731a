"""The deployment's log key: it signs statements and checkpoints, and stays in its file."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from attestation.errors import ConfigurationError
from attestation.key_files import read_private_key, write_private_key
from attestation.log.checkpoint import Checkpoint, build_note, build_vkey, is_key_name
from attestation.statement import deployment_message


class LogKey:
    """The deployment's log key (Ed25519): it signs statements and checkpoints, and leaves this object never."""

    def __init__(self, origin: str, key: Ed25519PrivateKey) -> None:
        if not is_key_name(origin):
            raise ConfigurationError(f"{origin!r} cannot name a log: no white space, no plus sign")
        self.origin = origin
        self._key = key

    @property
    def public(self) -> bytes:
        """The raw public key, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    @property
    def vkey(self) -> str:
        """The public key as signed-note writes it: name, key id and key."""
        return build_vkey(self.origin, self.public)

    def sign_statement(self, statement: bytes) -> bytes:
        """Return `deployment_sig` (64 bytes) for the exact bytes of a statement."""
        return self._key.sign(deployment_message(statement))

    def sign_checkpoint(self, checkpoint: Checkpoint) -> str:
        """Return a checkpoint of this log as a signed note.

        Does not check that it continues the last one: only `attestation.log.signer`, which does, may call this.

        Raises:
            ConfigurationError: the checkpoint is of another log.
        """
        if checkpoint.origin != self.origin:
            raise ConfigurationError(f"this key does not sign for the log {checkpoint.origin!r}")
        text = checkpoint.text()
        return build_note(text, name=self.origin, public_key=self.public, signature=self._key.sign(text.encode()))


def create_log_key(path: Path) -> None:
    """Make the deployment's log key in a new file."""
    write_private_key(path, Ed25519PrivateKey.generate())


def load_log_key(path: Path, *, origin: str) -> LogKey:
    """Load the deployment's log key.

    Raises:
        ConfigurationError: the file is missing, open to others, or holds another kind of key.
    """
    key = read_private_key(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path} holds no Ed25519 key")
    return LogKey(origin, key)

"""The transparency log: its key, the deployment's signature, and checkpoints as C2SP signed notes.

Formats: C2SP signed-note and tlog-checkpoint. The log has no leaves yet: its size is 0, its root SHA-256 of nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from attestation.errors import AppraisalError, ConfigurationError, MalformedError
from attestation.key_files import read_private_key, write_private_key
from attestation.statement import EMPTY_LOG_ROOT, deployment_message

KEY_SIZE = 32
SIGNATURE_SIZE = 64
MAX_NOTE_BYTES = 16 * 1024

# signed-note: a key name is not empty and has neither a plus nor white space.
_KEY_NAME = re.compile(r"[^\s+]{1,255}\Z")
_ED25519 = b"\x01"
_SIGNATURE_MARK = "— "


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A state of the log: `origin` names it, `root` (32 bytes) is its Merkle tree hash at `size` leaves."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the note's text, which is what is signed; its root is standard base64."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"


class LogKey:
    """The deployment's log key (Ed25519): it signs statements and checkpoints, and leaves this object never."""

    def __init__(self, origin: str, key: Ed25519PrivateKey) -> None:
        if not _KEY_NAME.match(origin):
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

    def checkpoint(self) -> Checkpoint:
        """Return the newest checkpoint: that of a log without leaves."""
        return Checkpoint(origin=self.origin, size=0, root=EMPTY_LOG_ROOT)

    def sign_checkpoint(self, checkpoint: Checkpoint) -> str:
        """Return a checkpoint of this log as a signed note.

        Raises:
            ConfigurationError: the checkpoint is of another log.
        """
        if checkpoint.origin != self.origin:
            raise ConfigurationError(f"this key does not sign for the log {checkpoint.origin!r}")
        text = checkpoint.text()
        signature = _key_id(self.origin, self.public) + self._key.sign(text.encode())
        return f"{text}\n{_SIGNATURE_MARK}{self.origin} {base64.b64encode(signature).decode('ascii')}\n"


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


def build_vkey(origin: str, public_key: bytes) -> str:
    """Return `<name>+<key id, hex>+<base64 of type and key>` (signed-note, "Verifier keys")."""
    encoded = base64.b64encode(_ED25519 + public_key).decode("ascii")
    return f"{origin}+{_key_id(origin, public_key).hex()}+{encoded}"


def verify_checkpoint(note: str, *, origin: str, public_key: bytes) -> Checkpoint:
    """Return the checkpoint of a signed note whose signature by this key holds; other keys' lines are passed over.

    Raises:
        MalformedError: not a signed note of a checkpoint.
        AppraisalError: of another log, or without a valid signature by this key (`log_differs`).
    """
    text, marks = _split_note(note)
    checkpoint = _parse_checkpoint(text)
    if checkpoint.origin != origin:
        raise AppraisalError("log_differs", "The checkpoint is of another log.")
    wanted = f"{origin} ", _key_id(origin, public_key)
    for mark in marks:
        signature = _decode(mark.removeprefix(wanted[0])) if mark.startswith(wanted[0]) else b""
        if signature[:4] == wanted[1] and _is_signed(text, signature[4:], public_key):
            return checkpoint
    raise AppraisalError("log_differs", "The checkpoint is not signed by this log's key.")


def _key_id(origin: str, public_key: bytes) -> bytes:
    return hashlib.sha256(origin.encode() + b"\n" + _ED25519 + public_key).digest()[:4]


def _split_note(note: str) -> tuple[str, list[str]]:
    text, separator, signatures = note.rpartition("\n\n")
    lines = signatures.removesuffix("\n").split("\n")
    is_note = separator and signatures.endswith("\n") and all(line.startswith(_SIGNATURE_MARK) for line in lines)
    if not is_note or len(note.encode()) > MAX_NOTE_BYTES:
        raise MalformedError("not a signed note")
    return text + "\n", [line.removeprefix(_SIGNATURE_MARK) for line in lines]


def _parse_checkpoint(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) < 4 or not re.fullmatch(r"0|[1-9][0-9]{0,15}", lines[1]):
        raise MalformedError("not a checkpoint")
    root = _decode(lines[2])
    if len(root) != KEY_SIZE:
        raise MalformedError("a checkpoint's root has 32 bytes")
    return Checkpoint(origin=lines[0], size=int(lines[1]), root=root)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("not base64") from error


def _is_signed(text: str, signature: bytes, public_key: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, text.encode())
    except InvalidSignature:
        return False
    return True

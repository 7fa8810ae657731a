"""Checkpoints as signed notes (C2SP signed-note and tlog-checkpoint): written, taken apart and verified."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from attestation.errors import AppraisalError, MalformedError
from attestation.log.merkle import HASH_SIZE

KEY_SIZE = 32
MAX_NOTE_BYTES = 16 * 1024

# signed-note: a key name is not empty and has neither a plus nor white space.
_KEY_NAME = re.compile(r"[^\s+]{1,255}\Z")
_VKEY = re.compile(r"(?P<name>[^\s+]{1,255})\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/=]{1,100})\Z")
# Types of keys (signed-note, "Signatures"; tlog-cosignature, "Format"): a log's and a witness's, both Ed25519.
LOG_KEY = b"\x01"
WITNESS_KEY = b"\x04"
SIGNATURE_MARK = "— "


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A state of the log: `origin` names it, `root` (32 bytes) is its Merkle tree hash at `size` leaves."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the note's text, which is what is signed; its root is standard base64."""
        return f"{self.origin}\n{self.size}\n{encode(self.root)}\n"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public key of a log or of a witness: its name, a log's being its origin, and 32 bytes of Ed25519."""

    name: str
    key: bytes


def is_key_name(name: str) -> bool:
    """Say whether a text may name a key, and so a log."""
    return _KEY_NAME.match(name) is not None


def build_note(text: str, *, name: str, public_key: bytes, signature: bytes) -> str:
    """Return a text with one signature (64 bytes, Ed25519 over the text) as a signed note."""
    return f"{text}\n{SIGNATURE_MARK}{name} {encode(key_id(name, public_key) + signature)}\n"


def build_vkey(name: str, public_key: bytes, *, kind: bytes = LOG_KEY) -> str:
    """Return `<name>+<key id, hex>+<base64 of type and key>` (signed-note, "Verifier keys")."""
    return f"{name}+{key_id(name, public_key, kind=kind).hex()}+{encode(kind + public_key)}"


def parse_vkey(text: str, *, kind: bytes = LOG_KEY) -> VerifierKey:
    """Parse what `build_vkey` writes.

    Raises:
        MalformedError: not a verifier key, not one of this kind, or with another key's id.
    """
    match = _VKEY.match(text)
    data = b"" if match is None else decode(match["key"])
    if match is None or data[:1] != kind or len(data) != 1 + KEY_SIZE:
        raise MalformedError(f"not the verifier key of a {'log' if kind == LOG_KEY else 'witness'} (Ed25519)")
    if key_id(match["name"], data[1:], kind=kind).hex() != match["id"]:
        raise MalformedError("a verifier key whose id is not its own")
    return VerifierKey(match["name"], data[1:])


def key_id(name: str, public_key: bytes, *, kind: bytes = LOG_KEY) -> bytes:
    """Return the four bytes by which a signature line names its key (signed-note, "Signatures")."""
    return hashlib.sha256(name.encode() + b"\n" + kind + public_key).digest()[:4]


def parse_checkpoint(note: str) -> Checkpoint:
    """Take the checkpoint out of a signed note. Parsed, not verified.

    Raises:
        MalformedError: not a signed note of a checkpoint.
    """
    return _parse_text(split_note(note)[0])


def verify_checkpoint(note: str, *, origin: str, public_key: bytes) -> Checkpoint:
    """Return the checkpoint of a signed note whose signature by this key holds; other keys' lines are passed over.

    Raises:
        MalformedError: not a signed note of a checkpoint.
        AppraisalError: of another log, or without a valid signature by this key (`log_differs`).
    """
    text, marks = split_note(note)
    checkpoint = _parse_text(text)
    if checkpoint.origin != origin:
        raise AppraisalError("log_differs", "The checkpoint is of another log.")
    wanted = f"{origin} ", key_id(origin, public_key)
    for mark in marks:
        signature = decode(mark.removeprefix(wanted[0])) if mark.startswith(wanted[0]) else b""
        if signature[:4] == wanted[1] and is_signed(text, signature[4:], public_key):
            return checkpoint
    raise AppraisalError("log_differs", "The checkpoint is not signed by this log's key.")


def encode(data: bytes) -> str:
    """Return standard base64, which C2SP's formats use."""
    return base64.b64encode(data).decode("ascii")


def decode(text: str) -> bytes:
    """Read standard base64 in its one canonical form. Raises `MalformedError`."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("not base64") from error
    if encode(data) != text:
        raise MalformedError("base64 that could be written otherwise")
    return data


def split_note(note: str) -> tuple[str, list[str]]:
    """Return a signed note's text, and what stands behind the dash of each of its signature lines.

    Raises:
        MalformedError: not a signed note.
    """
    text, separator, signatures = note.rpartition("\n\n")
    lines = signatures.removesuffix("\n").split("\n")
    is_note = separator and signatures.endswith("\n") and all(line.startswith(SIGNATURE_MARK) for line in lines)
    if not is_note or len(note.encode("utf-8", "surrogatepass")) > MAX_NOTE_BYTES:
        raise MalformedError("not a signed note")
    return text + "\n", [line.removeprefix(SIGNATURE_MARK) for line in lines]


def _parse_text(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) < 4 or not lines[0] or not re.fullmatch(r"0|[1-9][0-9]{0,15}", lines[1], re.ASCII):
        raise MalformedError("not a checkpoint")
    root = decode(lines[2])
    if len(root) != HASH_SIZE:
        raise MalformedError("a checkpoint's root has 32 bytes")
    return Checkpoint(origin=lines[0], size=int(lines[1]), root=root)


def is_signed(text: str, signature: bytes, public_key: bytes) -> bool:
    """Say whether a signature (64 bytes, Ed25519) over a text holds."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True

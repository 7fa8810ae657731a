"""What witnesses say of a checkpoint: that they saw this log only grow, and when (C2SP tlog-cosignature, Ed25519)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from attestation.errors import AppraisalError, MalformedError
from attestation.log.checkpoint import (
    SIGNATURE_MARK,
    WITNESS_KEY,
    VerifierKey,
    build_vkey,
    decode,
    encode,
    is_signed,
    key_id,
    parse_vkey,
)

# A witness's clock may be ahead of ours by so much.
CLOCK_SKEW = timedelta(minutes=10)

_TIME_SIZE = 8
_SIGNATURE_SIZE = 64
# The year 9999, past which Python has no times.
_MOST_SECONDS = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's word: at `at` the largest tree that it had seen of this log was the one of the checkpoint."""

    witness: VerifierKey
    at: datetime
    line: str


def parse_witness_vkey(text: str) -> VerifierKey:
    """Parse a witness's verifier key. Raises `MalformedError`."""
    return parse_vkey(text, kind=WITNESS_KEY)


def build_witness_vkey(witness: VerifierKey) -> str:
    """Return a witness's verifier key, by which others pin it."""
    return build_vkey(witness.name, witness.key, kind=WITNESS_KEY)


def cosigned_message(text: str, *, at_s: int) -> bytes:
    """Return what a witness signs: a header, the time in seconds since the epoch, and the checkpoint's text."""
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def build_cosignature_line(witness: VerifierKey, *, at_s: int, signature: bytes) -> str:
    """Return a signature line of a note: key id (4 bytes), time (8, big-endian) and signature (64), in base64."""
    id_ = key_id(witness.name, witness.key, kind=WITNESS_KEY)
    return f"{SIGNATURE_MARK}{witness.name} {encode(id_ + at_s.to_bytes(_TIME_SIZE, 'big') + signature)}"


def find_cosignature(text: str, marks: Iterable[str], witness: VerifierKey, *, now: datetime) -> Cosignature | None:
    """Return a witness's cosignature of a checkpoint's text, None where it is not among the signatures of a note.

    `marks` are the signature lines behind their dash; those of other keys are passed over.

    Raises:
        AppraisalError: its line is there, but is not genuine, or of a time that is yet to come (`not_cosigned`).
    """
    wanted = key_id(witness.name, witness.key, kind=WITNESS_KEY)
    for mark in marks:
        data = _decode_mark(mark, witness.name)
        if data[:4] == wanted:
            return _verify(text, mark, data[4:], witness, now=now)
    return None


def _decode_mark(mark: str, name: str) -> bytes:
    if not mark.startswith(f"{name} "):
        return b""
    try:
        return decode(mark.removeprefix(f"{name} "))
    except MalformedError:
        return b""


def _verify(text: str, mark: str, data: bytes, witness: VerifierKey, *, now: datetime) -> Cosignature:
    at_s = int.from_bytes(data[:_TIME_SIZE], "big")
    signature = data[_TIME_SIZE:]
    genuine = len(signature) == _SIGNATURE_SIZE and at_s <= _MOST_SECONDS
    if not genuine or not is_signed(cosigned_message(text, at_s=at_s).decode(), signature, witness.key):
        raise AppraisalError("not_cosigned", f"What stands there as {witness.name}'s cosignature is not its own.")
    at = datetime.fromtimestamp(at_s, UTC)
    if at > now + CLOCK_SKEW:
        raise AppraisalError("not_cosigned", f"The cosignature of {witness.name} is of a time that is yet to come.")
    return Cosignature(witness, at, SIGNATURE_MARK + mark)

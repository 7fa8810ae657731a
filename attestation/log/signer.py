"""The one place that signs checkpoints: never one that does not continue the last, whatever crashes when.

The last signed checkpoint stands in a file beside the key, outside the database. A new one is written there, durably,
before anybody sees its signature: what was signed is known after every crash, and a database that was set back, or
changed where it had been signed, is found before anything is signed over it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from attestation.errors import AppraisalError, ConfigurationError, MalformedError, UnavailableError
from attestation.log.checkpoint import MAX_NOTE_BYTES, Checkpoint, verify_checkpoint
from attestation.log.key import LogKey
from attestation.log.merkle import EMPTY_ROOT, verify_consistency


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint and the signed note that it came in."""

    checkpoint: Checkpoint
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What a log has become: its size and root now, and the proof that leads there from the last checkpoint."""

    size: int
    root: bytes
    proof: Sequence[bytes]


# The last signed checkpoint, its size 0 where there is none -> what the log has become since.
Measure = Callable[[Checkpoint], Growth]


class CheckpointSigner:
    """Signs checkpoints of one log, in turn with every other process that does."""

    def __init__(self, key: LogKey, path: Path) -> None:
        self._key, self._path = key, path

    @property
    def path(self) -> Path:
        """The file that holds the last signed checkpoint."""
        return self._path

    def last(self) -> SignedCheckpoint | None:
        """Return the last checkpoint that was signed, None before the first.

        Raises:
            ConfigurationError: the file cannot be read, or is not what this key signed.
        """
        try:
            with self._path.open("rb") as file:
                note = file.read(MAX_NOTE_BYTES + 1).decode()
            checkpoint = verify_checkpoint(note, origin=self._key.origin, public_key=self._key.public)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be read: {error.strerror}") from error
        except (UnicodeDecodeError, MalformedError, AppraisalError) as error:
            raise ConfigurationError(
                f"{self._path} does not hold a checkpoint of {self._key.origin} signed by this log's key; "
                "bring the file back from a backup, together with its key"
            ) from error
        return SignedCheckpoint(checkpoint, note)

    def advance(self, measure: Measure) -> SignedCheckpoint:
        """Sign what the log has become, if it only grew; return the last checkpoint where it did not grow.

        Raises:
            ConfigurationError: the log does not continue what was signed, and nothing was signed.
            UnavailableError: the new checkpoint could not be written, and nobody saw it; a full disk may pass.
        """
        with self._turn():
            last = self.last()
            before = Checkpoint(origin=self._key.origin, size=0, root=EMPTY_ROOT) if last is None else last.checkpoint
            growth = measure(before)
            self._refuse_other_history(before, growth)
            if last is not None and growth.size == before.size:
                return last
            checkpoint = Checkpoint(origin=self._key.origin, size=growth.size, root=growth.root)
            signed = SignedCheckpoint(checkpoint, self._key.sign_checkpoint(checkpoint))
            self._keep(signed)
            return signed

    def _refuse_other_history(self, before: Checkpoint, growth: Growth) -> None:
        if growth.size < before.size:
            raise ConfigurationError(
                f"The database holds {growth.size} log entries, but {before.size} were signed: it was set back, or is "
                f"another one. Nothing is signed. Bring back the newer database; {self._path} says what was signed."
            )
        try:
            verify_consistency(
                old_size=before.size,
                old_root=before.root,
                new_size=growth.size,
                new_root=growth.root,
                proof=growth.proof,
            )
        except AppraisalError as error:
            raise ConfigurationError(
                f"Among the first {before.size} log entries in the database, some are not those that were signed. "
                "Nothing is signed. Bring back the database as it was; "
                "`python -m attestation log` with --audit names the entries."
            ) from error

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for this process's turn; the directory is what is locked, as the file in it is replaced."""
        try:
            descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise ConfigurationError(f"{self._path.parent} cannot be read: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _keep(self, signed: SignedCheckpoint) -> None:
        draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(signed.note.encode())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
            _sync_directory(self._path.parent)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            raise UnavailableError(f"{self._path} cannot be written now: {error.strerror}") from error


def _sync_directory(directory: Path) -> None:
    """Make a rename durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""What is known of each encrypted model: locked, being unlocked, unlocked, and on which evidence. Nothing secret.

One JSON file a model in the data directory, written by the commands and read by the page.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from django.conf import settings

LOCKS = Path("/proc/locks")

State = Literal["locked", "unlocking", "unlocked", "failed"]
Step = Literal["manifest", "evidence", "stored", "open", "none"]


class UnlockError(Exception):
    """A model stays locked; the text is one sentence that says why, without anything secret."""


class LockError(Exception):
    """A model could not be locked; the text is one sentence that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a broker was shown, what it went by, and for which model: registers in hex, the policies that its token
    names, its address, and the model's owner (b64) and manifest (`sha256:` and hex).
    """

    mr_td: str
    rtmrs: tuple[str, ...]
    policies: tuple[str, ...]
    protocol: str
    broker: str
    owner_key: str
    manifest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """One model as it is; `done` of `total` bytes of the step, `fault` one sentence.

    `at` is when it came to be so, and `confirmed_at` when its broker last gave the key, both in epoch seconds.
    """

    state: State
    at: int
    step: Step = "none"
    done: int = 0
    total: int = 0
    way: Literal["mount", "decrypt", ""] = ""
    fault: str = ""
    shown: Shown | None = field(default=None)
    confirmed_at: int = 0

    @property
    def moment(self) -> datetime:
        """Return when it came to be so."""
        return datetime.fromtimestamp(self.at, UTC)

    @property
    def confirmed(self) -> datetime:
        """Return when its broker last gave the key."""
        return datetime.fromtimestamp(self.confirmed_at, UTC)


class ModelStates:
    """The states of one installation, below its data directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def socket(self, name: str) -> Path:
        """Return where the process that keeps a model open is asked to lock it."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._directory / f"{name}.sock"

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Keep other processes from unlocking a model, or from keeping it. Raises `UnlockError` where one does."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._directory / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise UnlockError(f"{name}: another process unlocks it, or keeps it open.") from error
        finally:
            os.close(descriptor)

    def is_held(self, name: str) -> bool:
        """Say whether a process unlocks a model, or keeps it, without getting in its way (proc(5), /proc/locks)."""
        try:
            inode = (self._directory / f".{name}.lock").stat().st_ino
            locks = [line.split() for line in LOCKS.read_text("ascii").splitlines()]
        except OSError:
            return False
        return any(fields[1] == "FLOCK" and fields[5].endswith(f":{inode}") for fields in locks)

    def read(self, name: str) -> ModelState | None:
        """Return the state of a model, None where nothing was ever done with it."""
        try:
            members = json.loads((self._directory / f"{name}.json").read_text("utf-8"))
            return ModelState(shown=_shown(members.pop("shown")), **members)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def write(self, name: str, state: ModelState) -> None:
        """Set the state of a model. Raises `OSError`."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._directory / f".{name}.{secrets.token_hex(4)}"
        draft.write_text(json.dumps(asdict(state)), "utf-8")
        draft.replace(self._directory / f"{name}.json")


def states_of_installation() -> ModelStates:
    """Return the states of this installation's models."""
    directory: Path = settings.CONFCHAT_DATA_DIR / "model-states"
    return ModelStates(directory)


def _shown(members: Any) -> Shown | None:
    """Return what was shown; what another version wrote otherwise is no reason to forget that a model is open."""
    try:
        return Shown(**{**members, "rtmrs": tuple(members["rtmrs"]), "policies": tuple(members["policies"])})
    except (TypeError, KeyError):
        return None

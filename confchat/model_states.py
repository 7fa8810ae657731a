"""What is known of each encrypted model: locked, being unlocked, unlocked, and on which evidence. Nothing secret.

One JSON file a model in the data directory, written by the commands and read by the page.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

State = Literal["locked", "unlocking", "unlocked", "failed"]
Step = Literal["manifest", "evidence", "stored", "open", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the broker was shown, and what it went by: registers in hex, and the policies that its token names."""

    mr_td: str
    rtmrs: tuple[str, ...]
    policies: tuple[str, ...]
    protocol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """One model as it is; `at` in epoch seconds, `done` of `total` bytes of the step, `fault` one sentence."""

    state: State
    at: int
    step: Step = "none"
    done: int = 0
    total: int = 0
    way: Literal["mount", "decrypt", ""] = ""
    fault: str = ""
    shown: Shown | None = field(default=None)

    @property
    def moment(self) -> datetime:
        """Return when it came to be so."""
        return datetime.fromtimestamp(self.at, UTC)


class ModelStates:
    """The states of one installation, below its data directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, name: str) -> ModelState | None:
        """Return the state of a model, None where nothing was ever done with it."""
        try:
            members = json.loads((self._directory / f"{name}.json").read_text("utf-8"))
            shown = members.pop("shown")
            if shown is not None:
                shown = Shown(**{**shown, "rtmrs": tuple(shown["rtmrs"]), "policies": tuple(shown["policies"])})
            return ModelState(shown=shown, **members)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def write(self, name: str, state: ModelState) -> None:
        """Set the state of a model. Raises `OSError`."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._directory / f".{name}.{secrets.token_hex(4)}"
        draft.write_text(json.dumps(asdict(state)), "utf-8")
        draft.replace(self._directory / f"{name}.json")

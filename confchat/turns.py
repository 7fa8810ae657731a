"""One message in clear, as it goes between the wire, the model and the tables. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

TITLE_CHARACTERS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message in clear, in memory only. `uuid` and `parent` are texts of UUIDs."""

    uuid: str
    parent: str | None
    role: str
    text: str
    thinking: str = ""
    state: str = "complete"
    reason: str = ""
    model: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_ms: int | None = None
    thinking_ms: int | None = None
    eval_ms: int | None = None
    attachments: tuple[dict[str, Any], ...] = ()  # of a prompt: what is told of its documents
    sources: tuple[dict[str, Any], ...] = ()  # of an answer: the passages that it was given, by number
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def is_continuable(self) -> bool:
        """Say whether an answer broke off, or was ended, after its first words."""
        return self.role == "assistant" and self.reason != "stop" and self.text.strip() != ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What comes of a prompt: the answer that it has already, or the path of turns that ends with it.

    Where an answer is gone on with, the path ends with that, and `revision` is the one that is stored of it.
    """

    given: Turn | None
    path: list[Turn]
    revision: int = 0


def first_line(text: str) -> str:
    """Return what stands for a title until there is a better one, cut between two words where the script has such."""
    line = text.strip().splitlines()[0]
    if len(line) <= TITLE_CHARACTERS:
        return line
    cut = line[: TITLE_CHARACTERS - 1]
    return f"{cut.rpartition(' ')[0] or cut}\u2026"


def json_size(turn: Turn) -> int:
    """Return about how many bytes of JSON a turn's content takes on the wire."""
    return len(json.dumps([turn.text, turn.thinking, turn.attachments, turn.sources], ensure_ascii=False).encode())

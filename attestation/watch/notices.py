"""What is told: one notice for all that changed since the last one. Pure; nothing of a user and no content is in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attestation.watch.words import sentence

if TYPE_CHECKING:
    from attestation.models import Concern

# What is more waits for the next notice.
MAX_CHANGES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Changes of one deployment, which is named as its transparency log is."""

    deployment: str
    at: datetime
    changes: Sequence[Concern]

    @property
    def title(self) -> str:
        """The first sentence, shortened to a line, with how many more there are."""
        more = f" (+{len(self.changes) - 1})" if len(self.changes) > 1 else ""
        return f"[{self.deployment}] {tell(self.changes[0])[:120]}{more}"

    @property
    def text(self) -> str:
        """All sentences, a line each."""
        return "\n".join(f"{_mark(change)} {tell(change)}" for change in self.changes)

    def to_json(self) -> bytes:
        """Return the body for a webhook (docs/WATCH.md)."""
        members = {
            "type": "confchat.watch",
            "timestamp": self.at.isoformat(timespec="seconds"),
            "text": f"{self.deployment}\n{self.text}",
            "data": {"deployment": self.deployment, "changes": [_members(change) for change in self.changes]},
        }
        return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


def tell(change: Concern) -> str:
    """Return the sentence of one change."""
    return sentence(change.kind, change.facts, ended=change.ended_at is not None)


def _mark(change: Concern) -> str:
    return "OVER    " if change.ended_at is not None else change.severity.upper().ljust(8)


def _members(change: Concern) -> dict[str, Any]:
    return {
        "id": f"{change.pk}-{'ended' if change.ended_at is not None else 'begun'}",
        "state": "begun" if change.ended_at is None else "ended",
        "kind": change.kind,
        "subject": change.subject,
        "severity": change.severity,
        "facts": change.facts,
        "began_at": change.began_at.isoformat(timespec="seconds"),
        "ended_at": None if change.ended_at is None else change.ended_at.isoformat(timespec="seconds"),
        "sentence": tell(change),
    }

"""An answer as it comes: its pieces, and what came of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from attestation.errors import MalformedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some more of an answer: of what the model thought, of what it says, or of both."""

    thinking: str = ""
    content: str = ""


@dataclass(slots=True, kw_only=True)
class Answer:
    """One answer, filled as it comes. `reason` is empty until it ended: then `stop`, `length`, `cancelled`, …"""

    text: str
    parent: str | None
    ways: Mapping[str, Any]
    request: int = 0
    message: str = field(default_factory=lambda: str(uuid.uuid4()))
    reply: str = ""
    resume: str = ""
    thinking: str = ""
    content: str = ""
    reason: str = ""
    usage: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def offsets(self) -> dict[str, int]:
        """How much of it has come, in code points."""
        return {"thinking": len(self.thinking), "content": len(self.content)}

    def add(self, delta: Mapping[str, Any]) -> Piece:
        """Take in a piece. Raises `MalformedError` where it does not begin where the last one ended."""
        piece = Piece(thinking=_text(delta.get("thinking", "")), content=_text(delta.get("content", "")))
        if delta.get("offsets") != self.offsets:
            raise MalformedError("a piece of the answer is missing")
        self.thinking += piece.thinking
        self.content += piece.content
        return piece

    def end(self, done: Mapping[str, Any]) -> None:
        """Take in how it ended."""
        error = done.get("error")
        self.error = _text(error.get("code")) if isinstance(error, Mapping) else ""
        self.usage = done["usage"] if isinstance(done.get("usage"), Mapping) else {}
        self.reason = _text(done.get("reason"))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise MalformedError("the server's message does not have the known form")
    return value

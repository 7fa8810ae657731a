"""Messages that come from elsewhere, as a client sends them in pages: their form. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from attestation.errors import MalformedError
from confchat.members import parse_integer, parse_optional, parse_text, parse_uuid4
from confchat.turns import Turn

MAX_MESSAGES = 500  # in one page
MAX_CHARACTERS = 900_000  # of a message: it fits a sealed frame
MAX_MODEL_CHARACTERS = 200


def parse_told(value: object) -> list[Turn]:
    """Return a page of messages; raises `MalformedError`."""
    if not isinstance(value, list) or len(value) > MAX_MESSAGES:
        raise MalformedError("not a page of messages")
    return [_turn(item) for item in value]


def parse_moment(value: object) -> datetime:
    """Return a time from whole seconds; raises `MalformedError`."""
    try:
        return datetime.fromtimestamp(parse_integer(value), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise MalformedError("not a time") from error


def _turn(value: object) -> Turn:
    if not isinstance(value, dict) or value.get("role") not in ("user", "assistant"):
        raise MalformedError("not a message")
    return Turn(
        uuid=parse_uuid4(value.get("message")),
        parent=parse_optional(value.get("parent"), parse_uuid4),
        role=value["role"],
        text=parse_text(value.get("text"), longest=MAX_CHARACTERS),
        thinking=parse_text(value.get("thinking"), longest=MAX_CHARACTERS),
        reason="" if value["role"] == "user" else "stop",
        model=parse_text(value.get("model"), longest=MAX_MODEL_CHARACTERS),
        created_at=parse_moment(value.get("created_at")),
    )

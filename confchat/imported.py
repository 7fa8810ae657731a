"""Messages that come from elsewhere, as a client sends them in pages: their form. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from attestation.errors import MalformedError
from confchat.documents.document import Document
from confchat.members import parse_integer, parse_optional, parse_text, parse_uuid4
from confchat.turns import Turn

MAX_MESSAGES = 500  # in one page
MAX_CHARACTERS = 900_000  # of a message: it fits a sealed frame
MAX_MODEL_CHARACTERS = 200
MAX_BESIDE = 500  # attachments of a prompt, sources of an answer

Item = TypeVar("Item")


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
        attachments=tuple({"attachment": uuid} for uuid in _list(value.get("attachments"), parse_uuid4)),
        sources=tuple(_list(value.get("sources"), _source)),
        created_at=parse_moment(value.get("created_at")),
    )


def with_documents(turns: Sequence[Turn], documents: Mapping[str, Document]) -> list[Turn]:
    """Return messages that tell of the documents which came with them; what did not come is not told of."""
    return [_told(turn, documents) for turn in turns]


def _told(turn: Turn, documents: Mapping[str, Document]) -> Turn:
    here = [documents[item["attachment"]] for item in turn.attachments if item["attachment"] in documents]
    return replace(turn, attachments=tuple(document.told() for document in here))


def _source(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError("not a source")
    numbers = {name: parse_integer(value.get(name)) for name in ("n", "page", "start", "end")}
    return {**numbers, "attachment": parse_uuid4(value.get("attachment"))}


def _list(value: object, parse: Callable[[object], Item]) -> list[Item]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_BESIDE:
        raise MalformedError("not a list")
    return [parse(item) for item in value]

"""Pieces of text between a model server and a conversation, the same whatever serves. Pure."""

from __future__ import annotations

from confchat.llm import Content, Event, Message, Thinking
from confchat.llm.thinking import strip_thinking


def plain_text(piece: object) -> str:
    """Return a piece as text that can be encoded: JSON allows half of a surrogate pair, UTF-8 does not."""
    if not isinstance(piece, str) or not piece:
        return ""
    return piece if piece.isascii() else piece.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def repeatable(message: Message) -> str:
    """Return a turn as the model may see it again: without its own thinking."""
    return strip_thinking(message.content) if message.role == "assistant" else message.content


def pieces(thinking: str, content: str) -> list[Event]:
    """Return the events of a piece; what is empty is none."""
    events: list[Event] = [Thinking(thinking)] if thinking else []
    return [*events, Content(content)] if content else events

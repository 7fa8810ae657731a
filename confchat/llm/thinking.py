"""Thinking that a model writes into its answer as `<think>…</think>`, told apart while it streams. Pure.

The rules are those of Ollama's parser (github.com/ollama/ollama, thinking/parser.go): the opening tag counts only at
the very start, after white space; white space after either tag is dropped; what follows the closing tag is content,
further tags included. One rule is added: white space before the opening tag is held back up to `MAX_LEADING`.
"""

from __future__ import annotations

from enum import Enum, auto

OPENING = "<think>"
CLOSING = "</think>"
MAX_LEADING = 1024
# Go's unicode.IsSpace, which differs from str.isspace in U+001C to U+001F.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


class _State(Enum):
    START = auto()
    OPENED = auto()
    THINKING = auto()
    CLOSED = auto()
    ANSWERING = auto()


class ThinkingParser:
    """Splits one answer, fed in pieces of any size, into thinking and content."""

    __slots__ = ("_held", "_state")

    def __init__(self) -> None:
        self._state = _State.START
        self._held = ""

    @property
    def is_answering(self) -> bool:
        """Say whether all that is still to come is content."""
        return self._state is _State.ANSWERING

    def feed(self, piece: str) -> tuple[str, str]:
        """Take the next piece; return the thinking and the content that are certain now, either may be empty."""
        if self._state is _State.ANSWERING:
            return "", piece
        text, self._held = self._held + piece, ""
        if self._state is _State.START:
            text = self._start(text)
        if self._state is _State.OPENED:
            text = self._skip_white_space(text, _State.THINKING)
        thinking = ""
        if self._state is _State.THINKING:
            thinking, text = self._think(text)
        if self._state is _State.CLOSED:
            text = self._skip_white_space(text, _State.ANSWERING)
        return thinking, text

    def finish(self) -> tuple[str, str]:
        """Return what was held back when the answer ended; an open tag's beginning is what it looks like."""
        held, self._held = self._held, ""
        return (held, "") if self._state is _State.THINKING else ("", held)

    def _start(self, text: str) -> str:
        trimmed = text.lstrip(WHITE_SPACE)
        if trimmed.startswith(OPENING):
            self._state = _State.OPENED
            return trimmed[len(OPENING) :]
        if OPENING.startswith(trimmed) and len(text) <= MAX_LEADING:
            self._held = text
            return ""
        self._state = _State.ANSWERING
        return text

    def _skip_white_space(self, text: str, following: _State) -> str:
        text = text.lstrip(WHITE_SPACE)
        if text:
            self._state = following
        return text

    def _think(self, text: str) -> tuple[str, str]:
        """Return thinking, and what follows its end; the beginning of a closing tag is held back."""
        thinking, closing, rest = text.partition(CLOSING)
        if closing:
            self._state = _State.CLOSED
            return thinking, rest
        kept = _overlap(text)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept], ""


def strip_thinking(text: str) -> str:
    """Return an earlier answer as the model may see it again: without its thinking."""
    parser = ThinkingParser()
    _, content = parser.feed(text)
    return content + parser.finish()[1]


def _overlap(text: str) -> int:
    """Return how many of the last characters may be the beginning of a closing tag."""
    return next((size for size in range(len(CLOSING) - 1, 0, -1) if text.endswith(CLOSING[:size])), 0)

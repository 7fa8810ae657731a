"""What a session without a history key remembers: in memory, for as long as the session lasts.

Has the methods of `conversations.Shelf` that an answer needs, so that a session does not tell them apart.
"""

from __future__ import annotations

from typing import Any, NoReturn

from confchat.conversations import Turn
from confchat.errors import RequestError


class Scratchpad:
    """The turns of the session's one conversation, never written anywhere."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}

    def add_prompt(self, _conversation: str, turn: Turn, *, model: str) -> bool:
        """Remember a prompt; return whether it was new (see `Shelf.add_prompt`)."""
        known = self._turns.get(turn.uuid)
        if known is not None:
            if (known.text, known.role, known.parent) != (turn.text, turn.role, turn.parent):
                raise RequestError("message_conflict")
            return False
        if turn.parent is not None and turn.parent not in self._turns:
            raise RequestError("not_found")
        self._turns[turn.uuid] = turn
        return True

    def add_answer(self, _conversation: str, turn: Turn) -> None:
        """Remember an answer that has just begun."""
        self._turns[turn.uuid] = turn

    def save_answer(self, _conversation: str, turn: Turn) -> None:
        """Remember what there is of an answer."""
        self._turns[turn.uuid] = turn

    def answers_to(self, _conversation: str, prompt: str) -> list[Turn]:
        """Return the answers to a prompt, the oldest first."""
        return [turn for turn in self._turns.values() if turn.parent == prompt and turn.role == "assistant"]

    def find_turn(self, _conversation: str, message: str) -> Turn:
        """Return one message, or raise `not_found`."""
        if message not in self._turns:
            raise RequestError("not_found")
        return self._turns[message]

    def path_to(self, _conversation: str, message: str) -> list[Turn]:
        """Return the messages from the first one to `message`."""
        path: list[Turn] = []
        current: str | None = message
        while current is not None and current in self._turns and len(path) <= len(self._turns):
            path.append(self._turns[current])
            current = self._turns[current].parent
        return path[::-1]

    def list_conversations(self, *, before: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """Return nothing: what is stored needs the history key."""
        return [], None

    def open_conversation(self, _conversation: str, *, before: str | None) -> dict[str, Any]:
        """Return what was said in this session."""
        return {"title": None, "model": "", "messages": list(self._turns.values()), "next": None}

    def rename_conversation(self, _conversation: str, _title: str) -> NoReturn:
        """Refuse: nothing is stored."""
        raise RequestError("not_stored")

    def delete_conversation(self, _conversation: str) -> NoReturn:
        """Refuse: nothing is stored."""
        raise RequestError("not_stored")

"""What a session without a history key remembers: in memory, for as long as the session lasts.

Has the methods of `conversations.Shelf` that an answer needs, so that a session does not tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from confchat.documents.document import Document
from confchat.documents.vectors import Vectors
from confchat.errors import RequestError
from confchat.turns import Asked, Turn


class Scratchpad:
    """The turns of the session's one conversation, never written anywhere."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}
        self._documents: dict[str, Document] = {}
        self._vectors: dict[tuple[str, str], Vectors] = {}

    def ask(
        self, _conversation: str, prompt: Turn, *, answer: Turn | None, model: str, documents: Sequence[Document] = ()
    ) -> Asked:
        """Remember a prompt and the answer that is about to begin (see `Shelf.ask`)."""
        known = self._turns.get(prompt.uuid)
        if known is not None:
            if (known.text, known.role, known.parent) != (prompt.text, prompt.role, prompt.parent):
                raise RequestError("message_conflict")
            given = [turn for turn in self._turns.values() if turn.parent == prompt.uuid]
            if given:
                return Asked(given=given[-1], path=[])
        elif prompt.parent is not None and prompt.parent not in self._turns:
            raise RequestError("not_found")
        if answer is None:
            raise RequestError("busy", retry=True)
        self._turns |= {prompt.uuid: prompt, answer.uuid: answer}
        self._documents |= {document.uuid: document for document in documents}
        return Asked(given=None, path=self._path(prompt.uuid))

    def ask_again(self, _conversation: str, prompt: str, *, answer: Turn | None) -> Asked:
        """Remember another answer that is about to begin (see `Shelf.ask_again`)."""
        if prompt not in self._turns or self._turns[prompt].role != "user":
            raise RequestError("not_found")
        if answer is None:
            raise RequestError("busy", retry=True)
        self._turns[answer.uuid] = answer
        return Asked(given=None, path=self._path(prompt))

    def ask_on(self, _conversation: str, reply: str, *, is_free: bool) -> Asked:
        """Return what leads to an answer that is to be gone on with (see `Shelf.ask_on`)."""
        turn = self.find_turn(_conversation, reply)
        if not turn.is_continuable:
            raise RequestError("not_continuable")
        if not is_free:
            raise RequestError("busy", retry=True)
        return Asked(given=None, path=self._path(reply))

    def save_answer(self, _conversation: str, turn: Turn, *, revision: int) -> None:
        """Remember what there is of an answer."""
        self._turns[turn.uuid] = turn

    def read_document(self, _conversation: str, uuid: str) -> Document:
        """Return what was read of a file, or raise `not_found`."""
        if uuid not in self._documents:
            raise RequestError("not_found")
        return self._documents[uuid]

    def read_vectors(self, _conversation: str, uuid: str, *, digest: str) -> Vectors | None:
        """Return the vectors that a model of this digest made of a document, if they are there."""
        return self._vectors.get((uuid, digest))

    def keep_vectors(self, _conversation: str, uuid: str, vectors: Vectors, *, digest: str) -> None:
        """Remember the vectors of a document."""
        self._vectors[uuid, digest] = vectors

    def find_turn(self, _conversation: str, message: str) -> Turn:
        """Return one message, or raise `not_found`."""
        if message not in self._turns:
            raise RequestError("not_found")
        return self._turns[message]

    def parent_of(self, _conversation: str, message: str) -> str | None:
        """Return the id of the message that a prompt answers (see `Shelf.parent_of`)."""
        turn = self.find_turn(_conversation, message)
        if turn.role != "user":
            raise RequestError("not_found")
        return turn.parent

    def open_conversation(self, _conversation: str, *, before: str | None) -> dict[str, Any]:
        """Return what was said in this session."""
        return {"title": None, "model": "", "shown": None, "messages": list(self._turns.values()), "next": None}

    def _path(self, message: str) -> list[Turn]:
        path: list[Turn] = []
        current: str | None = message
        while current is not None and current in self._turns and len(path) < len(self._turns):
            path.append(self._turns[current])
            current = self._turns[current].parent
        return path[::-1]

"""`conversation.search`: full-text search over titles and messages, decrypted in memory alone."""

from __future__ import annotations

import asyncio
from functools import partial

from confchat.conversations import Shelf
from confchat.frames import Request
from confchat.requests.scope import Handlers, Scope
from confchat.search_index import SearchIndex, Words
from confchat.turns import Turn

READ_AT_ONCE = 10  # conversations: the writes of others go on in between


class SearchRequests:
    """Searches what the session's history key opens; the index is brought up to date first."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._updating = asyncio.Lock()
        if scope.shelf is not None:
            scope.deployment.searches.enter(scope.shelf.owner)

    @property
    def slow_handlers(self) -> Handlers:
        return {"conversation.search": self._search}

    def close(self) -> None:
        """Let go of the index."""
        if self._scope.shelf is not None:
            self._scope.deployment.searches.leave(self._scope.shelf.owner)

    async def _search(self, request: Request) -> None:
        shelf = self._scope.stored()
        index = self._scope.deployment.searches.use(shelf.owner)
        async with self._updating:
            await self._update(index, shelf)
        hits = await asyncio.to_thread(index.search, request["query"])
        found = [
            {"conversation": hit.conversation, "message": hit.message, "snippet": list(hit.snippet)} for hit in hits
        ]
        self._scope.reply(request, "conversation.found", hits=found, partial=index.is_full)

    async def _update(self, index: SearchIndex, shelf: Shelf) -> None:
        """Read again what has changed, the newest conversations first."""
        changes = await self._scope.write(shelf.changes)
        stale = await asyncio.to_thread(index.stale, changes)
        for start in range(0, len(stale), READ_AT_ONCE):
            batch = stale[start : start + READ_AT_ONCE]
            read = await self._scope.write(partial(_read, shelf, batch))
            for conversation, (title, turns) in read.items():
                words = _words(conversation, title, turns)
                await asyncio.to_thread(index.replace, conversation, change=changes[conversation], words=words)


def _read(shelf: Shelf, conversations: list[str]) -> dict[str, tuple[str, list[Turn]]]:
    return {conversation: shelf.read_words(conversation) for conversation in conversations}


def _words(conversation: str, title: str, turns: list[Turn]) -> list[Words]:
    messages = [Words(conversation=conversation, message=turn.uuid, text=turn.text) for turn in turns]
    return [Words(conversation=conversation, message=None, text=title), *messages]

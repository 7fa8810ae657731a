"""The search indexes of those who are here: filled at a first search, let go a minute after the last session."""

from __future__ import annotations

import asyncio
from collections import Counter

from confchat.search_index import SearchIndex

MAX_INDEXES = 8  # at once: each takes up to `search_index.MAX_INDEX_BYTES`
LINGER_S = 60.0  # a tab that goes to another conversation opens another session

Owner = tuple[str, bytes]  # an account, and the check value of the history key that was proved


class SearchIndexes:
    """Hands out one index to all sessions of a user under one key."""

    def __init__(self, *, linger_s: float = LINGER_S) -> None:
        self._linger_s = linger_s
        self._sessions: Counter[Owner] = Counter()
        self._indexes: dict[Owner, SearchIndex] = {}

    def enter(self, owner: Owner) -> None:
        """A session begins, which will `leave`."""
        self._sessions[owner] += 1

    def leave(self, owner: Owner) -> None:
        """A session has ended; the index goes a while after the last one."""
        self._sessions[owner] -= 1
        if owner in self._indexes:
            asyncio.get_running_loop().call_later(self._linger_s, self._sweep)

    def use(self, owner: Owner) -> SearchIndex:
        """Return the index of an owner, empty at first, for one search; another's that waits longest may have to go."""
        index = self._indexes.pop(owner, None) or SearchIndex()
        while len(self._indexes) >= MAX_INDEXES:
            del self._indexes[next(iter(self._indexes))]
        self._indexes[owner] = index
        return index

    def _sweep(self) -> None:
        self._sessions = +self._sessions
        for owner in [owner for owner in self._indexes if owner not in self._sessions]:
            del self._indexes[owner]

"""What changes in a user's stored conversations, told to his other sessions: where, and never what. In memory alone.

Who follows is told a moment later of all that came together, so that a hundred changes are one message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

GATHER_S = 0.25
MAX_CHANGES = 50  # told one by one: with more, all is read again

Kind = Literal["conversation", "messages", "folders", "settings", "history"]
Owner = tuple[str, bytes]  # an account, and the check value of the history key that was proved


@dataclass(frozen=True, slots=True)
class Change:
    """What kind of thing changed, and in which conversation; null where it belongs to none, or to all of them."""

    kind: Kind
    conversation: str | None = None


ALL = Change("history")


class Follower:
    """One session that wants to know; `tell` is given what has changed since the last time."""

    def __init__(self, tell: Callable[[list[Change]], None]) -> None:
        self._tell = tell
        self._changes: dict[Change, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def hear(self, change: Change) -> None:
        """Take in a change, to be told soon."""
        self._changes[change] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self._speak)

    def end(self) -> None:
        """Tell nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _speak(self) -> None:
        changes, self._changes, self._timer = list(self._changes), {}, None
        self._tell(changes if len(changes) <= MAX_CHANGES else [ALL])


class Changes:
    """Who follows whose conversations in this process, which is the only one (ADR 5)."""

    def __init__(self) -> None:
        self._followers: dict[Owner, set[Follower]] = {}

    def follow(self, owner: Owner, follower: Follower) -> None:
        """Let a session hear of changes under the key that it proved, until it leaves."""
        self._followers.setdefault(owner, set()).add(follower)

    def leave(self, owner: Owner, follower: Follower) -> None:
        """Forget a session."""
        follower.end()
        followers = self._followers.get(owner, set())
        followers.discard(follower)
        if not followers:
            self._followers.pop(owner, None)

    def tell(self, owner: Owner, change: Change, *, by: Follower | None) -> None:
        """Tell all that follow an owner's conversations, but for the session that made the change."""
        for follower in self._followers.get(owner, ()):
            if follower is not by:
                follower.hear(change)

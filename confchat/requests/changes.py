"""`changes.follow`: a session hears which of the user's conversations others have changed, and asks anew."""

from __future__ import annotations

import asyncio

from confchat.changes import Change, Follower
from confchat.frames import Request
from confchat.requests.scope import Handlers, Scope


class ChangeRequests:
    """Lets a session that proved the history key follow what other sessions under it change."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def handlers(self) -> Handlers:
        return {"changes.follow": self._follow}

    def close(self) -> None:
        """Follow no more."""
        scope = self._scope
        if scope.shelf is not None and scope.follower is not None:
            scope.deployment.changes.leave(scope.shelf.owner, scope.follower)

    async def _follow(self, request: Request) -> None:
        scope, owner = self._scope, self._scope.stored().owner
        self.close()
        scope.follower = Follower(lambda changes: self._tell(request, changes))
        scope.deployment.changes.follow(owner, scope.follower)
        scope.reply(request, "changes.following")

    def _tell(self, request: Request, changes: list[Change]) -> None:
        """Say what has changed; who reads nothing any more is cut by what he is sent otherwise, and is not told."""
        listed = [{"kind": change.kind, "conversation": change.conversation} for change in changes]
        try:
            self._scope.reply(request, "changes.noticed", changes=listed)
        except asyncio.QueueFull:
            self.close()

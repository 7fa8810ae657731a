"""What the topics of one session share: whose it is, what it may read, and the way to answer."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from confchat.changes import Change, Follower, Kind
from confchat.conversations import Shelf
from confchat.delivery import Outlet
from confchat.deployment import Deployment
from confchat.documents.desk import Owner
from confchat.errors import RequestError
from confchat.folders import Folders
from confchat.frames import Request, to_json
from confchat.llm import ModelDescription
from confchat.scratchpad import Scratchpad

Result = TypeVar("Result")
Handler = Callable[[Request], Awaitable[None]]
Handlers = Mapping[str, Handler]


@dataclass(slots=True, kw_only=True)
class Scope:
    """What one opened handshake allows: its conversation, and the user's shelf if he proved its key.

    `talk` is where the session's own conversation is kept: the shelf, or a scratchpad where nothing of it is stored.
    `embedding` is the model that makes vectors, where the session's quote vouches for one.
    """

    deployment: Deployment
    outlet: Outlet
    user: str
    conversation: str
    model: ModelDescription
    shelf: Shelf | None
    embedding: ModelDescription | None
    talk: Shelf | Scratchpad = field(init=False)
    follower: Follower | None = None
    resume: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def __post_init__(self) -> None:
        self.talk = self.shelf or Scratchpad()

    @property
    def owner(self) -> Owner:
        """Whose files are on their way into this conversation: of sessions that proved the key, or of this one."""
        secret = self.resume.encode() if self.shelf is None else self.shelf.owner[1]
        return self.user, self.conversation, secret

    def stored(self) -> Shelf:
        """Return the user's shelf; raises RequestError `not_stored` where the session did not prove its key."""
        if self.shelf is None:
            raise RequestError("not_stored")
        return self.shelf

    def folders(self) -> Folders:
        """Return the user's folders; raises RequestError `not_stored` like `stored`."""
        return self.stored().folders()

    def reply(self, request: Request, kind: str, **members: Any) -> None:
        """Answer a request; raises asyncio.QueueFull where nobody reads."""
        self.outlet.post(to_json({"type": kind, "id": request.id, **members}))

    def changed(self, kind: Kind, conversation: str | None = None) -> None:
        """Tell the user's other sessions that something stored has changed; they ask for it themselves."""
        if self.shelf is not None:
            self.deployment.changes.tell(self.shelf.owner, Change(kind, conversation), by=self.follower)

    async def write(self, job: Callable[[], Result]) -> Result:
        """Run what blocks on the database; it is durable when this returns.

        Raises:
            RequestError: `history_key_wrong`: the user has started over since this session proved its key.
        """
        return await self.deployment.writes.run(partial(self._run, job))

    def _run(self, job: Callable[[], Result]) -> Result:
        if self.shelf is not None:
            self.shelf.require_key()
        return job()

    def refuse_other_conversation(self, request: Request) -> None:
        """Raise `conversation_mismatch` where a request is about another conversation than the session's own."""
        if request["conversation"] != self.conversation:
            raise RequestError("conversation_mismatch")

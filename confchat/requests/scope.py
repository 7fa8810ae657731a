"""What the topics of one session share: whose it is, what it may read, and the way to answer."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from confchat.conversations import Shelf
from confchat.delivery import Outlet
from confchat.deployment import Deployment
from confchat.errors import RequestError
from confchat.frames import Request, to_json
from confchat.llm import ModelDescription
from confchat.scratchpad import Scratchpad

Result = TypeVar("Result")
Handlers = Mapping[str, Callable[[Request], Awaitable[None]]]


@dataclass(slots=True, kw_only=True)
class Scope:
    """What one opened handshake allows: its conversation, and the user's shelf if he proved its key."""

    deployment: Deployment
    outlet: Outlet
    user: str
    conversation: str
    model: ModelDescription
    shelf: Shelf | Scratchpad
    resume: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def reply(self, request: Request, kind: str, **members: Any) -> None:
        """Answer a request; raises asyncio.QueueFull where nobody reads."""
        self.outlet.post(to_json({"type": kind, "id": request.id, **members}))

    async def write(self, job: Callable[[], Result]) -> Result:
        """Run what blocks on the database; it is durable when this returns."""
        return await self.deployment.writes.run(job)

    def refuse_other_conversation(self, request: Request) -> None:
        """Raise `conversation_mismatch` where a request is about another conversation than the session's own."""
        if request["conversation"] != self.conversation:
            raise RequestError("conversation_mismatch")

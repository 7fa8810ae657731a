"""`conversation.*`: the user's stored conversations, where the session proved his history key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from confchat.frames import Request
from confchat.requests.scope import Handlers, Scope
from confchat.turns import Turn


class ConversationRequests:
    """Lists, opens, renames and deletes conversations."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def handlers(self) -> Handlers:
        return {
            "conversation.list": self._list,
            "conversation.open": self._open,
            "conversation.rename": self._rename,
            "conversation.delete": self._delete,
        }

    async def _list(self, request: Request) -> None:
        shelf = self._scope.shelf
        conversations, rest = await self._scope.write(lambda: shelf.list_conversations(before=request["before"]))
        self._scope.reply(request, "conversation.list", conversations=conversations, next=rest)

    async def _open(self, request: Request) -> None:
        shelf, conversation = self._scope.shelf, request["conversation"]
        found = await self._scope.write(lambda: shelf.open_conversation(conversation, before=request["before"]))
        found["messages"] = [self._message(turn) for turn in found["messages"]]
        self._scope.reply(request, "conversation.open", conversation=conversation, **found)

    async def _rename(self, request: Request) -> None:
        shelf = self._scope.shelf
        await self._scope.write(lambda: shelf.rename_conversation(request["conversation"], request["title"]))
        self._scope.reply(request, "conversation.renamed", conversation=request["conversation"])

    async def _delete(self, request: Request) -> None:
        scope, shelf = self._scope, self._scope.shelf
        await scope.write(lambda: shelf.delete_conversation(request["conversation"]))
        scope.deployment.log.wake()
        running = scope.deployment.generations.running_in(owner=scope.user, conversation=request["conversation"])
        if running is not None:
            running.stop()
        scope.reply(request, "conversation.deleted", conversation=request["conversation"])

    def _message(self, turn: Turn) -> dict[str, Any]:
        """Build the wire form of a stored message; one that is stored as running and that nobody runs is incomplete."""
        known = self._scope.deployment.generations.find(owner=self._scope.user, reply=turn.uuid)
        if turn.state == "running" and (known is None or known.is_finished):
            turn = replace(turn, state="incomplete", reason="truncated")
        usage = {
            "prompt_tokens": turn.prompt_tokens,
            "completion_tokens": turn.completion_tokens,
            "total_ms": turn.total_ms,
            "eval_ms": turn.eval_ms,
            "thinking_ms": turn.thinking_ms,
        }
        return {
            "message": turn.uuid,
            "parent": turn.parent,
            "role": turn.role,
            "text": turn.text,
            "thinking": turn.thinking,
            "state": turn.state,
            "reason": turn.reason,
            "model": turn.model,
            "usage": {name: value for name, value in usage.items() if value is not None},
            "created_at": int(turn.created_at.timestamp()),
        }

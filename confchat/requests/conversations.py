"""`conversation.*`: the user's stored conversations, where the session proved his history key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from confchat.frames import Request
from confchat.requests.scope import Handlers, Scope
from confchat.turns import Turn


class ConversationRequests:
    """Lists and opens conversations, and changes what is kept of them beside their messages."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def handlers(self) -> Handlers:
        return {
            "conversation.list": self._list,
            "conversation.open": self._open,
            "conversation.rename": self._rename,
            "conversation.pin": self._pin,
            "conversation.archive": self._archive,
            "conversation.move": self._move,
            "conversation.show": self._show,
        }

    async def _list(self, request: Request) -> None:
        shelf = self._scope.shelf
        found: list[dict[str, Any]] = []
        rest = None
        if shelf is not None:
            found, rest = await self._scope.write(lambda: shelf.list_conversations(before=request["before"]))
        self._scope.reply(request, "conversation.list", conversations=found, next=rest)

    async def _open(self, request: Request) -> None:
        scope, conversation = self._scope, request["conversation"]
        is_own = conversation == scope.conversation
        place = scope.talk if is_own or scope.shelf is None else scope.shelf
        found = await scope.write(lambda: place.open_conversation(conversation, before=request["before"]))
        found["messages"] = [self._message(turn) for turn in found["messages"]]
        scope.reply(request, "conversation.open", conversation=conversation, **found)

    async def _rename(self, request: Request) -> None:
        shelf = self._scope.stored()
        await self._scope.write(lambda: shelf.rename_conversation(request["conversation"], request["title"]))
        self._scope.changed("conversation", request["conversation"])
        self._scope.reply(request, "conversation.renamed", conversation=request["conversation"])

    async def _pin(self, request: Request) -> None:
        shelf = self._scope.stored()
        await self._change(request, lambda: shelf.pin_conversation(request["conversation"], pinned=request["pinned"]))

    async def _archive(self, request: Request) -> None:
        shelf = self._scope.stored()
        await self._change(request, lambda: shelf.change_details(request["conversation"], archived=request["archived"]))

    async def _move(self, request: Request) -> None:
        shelf = self._scope.stored()
        await self._change(request, lambda: shelf.change_details(request["conversation"], folder=request["folder"]))

    async def _show(self, request: Request) -> None:
        """Remember the branch in view; it is this session's alone as long as others look at theirs."""
        shelf, conversation = self._scope.stored(), request["conversation"]
        await self._scope.write(lambda: shelf.change_details(conversation, shown=request["message"]))
        self._scope.reply(request, "conversation.changed", conversation=conversation)

    async def _change(self, request: Request, change: Callable[[], None]) -> None:
        await self._scope.write(change)
        self._scope.changed("conversation", request["conversation"])
        self._scope.reply(request, "conversation.changed", conversation=request["conversation"])

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
            "attachments": list(turn.attachments),
            "sources": list(turn.sources),
            "reason": turn.reason,
            "model": turn.model,
            "usage": {name: value for name, value in usage.items() if value is not None},
            "created_at": int(turn.created_at.timestamp()),
        }

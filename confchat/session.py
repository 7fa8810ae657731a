"""One open session: sealed requests in, sealed replies out. Knows the user, never the socket."""

from __future__ import annotations

import asyncio

from confchat.conversations import Shelf
from confchat.delivery import Outlet
from confchat.deployment import Deployment
from confchat.errors import ModelError, QuotaError, RequestError
from confchat.frames import Request
from confchat.llm import ModelDescription
from confchat.requests.attachments import AttachmentRequests
from confchat.requests.changes import ChangeRequests
from confchat.requests.chat import ChatRequests
from confchat.requests.conversations import ConversationRequests
from confchat.requests.history import HistoryRequests
from confchat.requests.models import ModelRequests
from confchat.requests.scope import Handler, Handlers, Scope
from confchat.requests.search import SearchRequests
from confchat.requests.settings import SettingsRequests
from confchat.requests.titles import TitleRequests

MAX_SLOW = 4  # requests of one session that are worked on beside the others


class Session:
    """Carries out requests by their type, each in the module of its topic (`confchat.requests`)."""

    def __init__(
        self,
        deployment: Deployment,
        outlet: Outlet,
        *,
        user: str,
        conversation: str,
        model: ModelDescription,
        history_key: bytes | None,
        embedding: ModelDescription | None,
    ) -> None:
        self._scope = Scope(
            deployment=deployment,
            outlet=outlet,
            user=user,
            conversation=conversation,
            model=model,
            embedding=embedding,
            shelf=None if history_key is None else Shelf(history_key, user=user),
        )
        self._chat = ChatRequests(self._scope)
        self._changes = ChangeRequests(self._scope)
        self._handlers: Handlers = {
            **self._chat.handlers,
            **self._changes.handlers,
            **ConversationRequests(self._scope).handlers,
            **HistoryRequests(self._scope).handlers,
            **ModelRequests(self._scope).handlers,
            **SettingsRequests(self._scope).handlers,
        }
        attachments = AttachmentRequests(self._scope)
        self._handlers = {**self._handlers, **attachments.handlers}
        self._search = SearchRequests(self._scope)
        self._slow_handlers: Handlers = {
            **self._search.slow_handlers,
            **TitleRequests(self._scope).slow_handlers,
            **attachments.slow_handlers,
        }
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def resume(self) -> str:
        """The value by which a later session without a history key goes on with this one."""
        return self._scope.resume

    async def handle(self, request: Request) -> None:
        """Carry out one request; whatever comes of it is told under the request's id. A slow one goes on beside."""
        handler = self._slow_handlers.get(request.type)
        if handler is None:
            await self._carry_out(request, self._handlers.get(request.type, _refuse))
        elif len(self._tasks) >= MAX_SLOW:
            await self._carry_out(request, _defer)
        else:
            task = asyncio.create_task(self._carry_out(request, handler), name=request.type)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, request: Request, handler: Handler) -> None:
        try:
            await handler(request)
        except QuotaError as error:
            until = {} if error.until is None else {"until": error.until}
            self._scope.reply(request, "error", code=error.code, retry=error.retry, **until)
        except (RequestError, ModelError) as error:
            self._scope.reply(request, "error", code=error.code, retry=error.retry)

    def close(self) -> None:
        """End every delivery and what is slow; the answers themselves go on."""
        self._chat.close()
        self._changes.close()
        self._search.close()
        for task in self._tasks:
            task.cancel()


async def _refuse(_request: Request) -> None:
    raise RequestError("unsupported")


async def _defer(_request: Request) -> None:
    raise RequestError("busy", retry=True)

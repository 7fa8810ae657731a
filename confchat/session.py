"""One open session: sealed requests in, sealed replies out. Knows the user, never the socket."""

from __future__ import annotations

from confchat.conversations import Shelf
from confchat.delivery import Outlet
from confchat.deployment import Deployment
from confchat.errors import ModelError, RequestError
from confchat.frames import Request
from confchat.llm import ModelDescription
from confchat.requests.chat import ChatRequests
from confchat.requests.conversations import ConversationRequests
from confchat.requests.models import ModelRequests
from confchat.requests.scope import Handlers, Scope
from confchat.requests.settings import SettingsRequests
from confchat.scratchpad import Scratchpad


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
    ) -> None:
        self._scope = Scope(
            deployment=deployment,
            outlet=outlet,
            user=user,
            conversation=conversation,
            model=model,
            shelf=Scratchpad() if history_key is None else Shelf(history_key, user=user),
        )
        self._chat = ChatRequests(self._scope)
        self._handlers: Handlers = {
            **self._chat.handlers,
            **ConversationRequests(self._scope).handlers,
            **ModelRequests(self._scope).handlers,
            **SettingsRequests(self._scope).handlers,
        }

    @property
    def resume(self) -> str:
        """The value by which a later session without a history key goes on with this one."""
        return self._scope.resume

    async def handle(self, request: Request) -> None:
        """Carry out one request; whatever comes of it is told under the request's id."""
        try:
            handler = self._handlers.get(request.type)
            if handler is None:
                raise RequestError("unsupported")
            await handler(request)
        except (RequestError, ModelError) as error:
            self._scope.reply(request, "error", code=error.code, retry=error.retry)

    def close(self) -> None:
        """End every delivery; the answers themselves go on."""
        self._chat.close()

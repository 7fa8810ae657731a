"""`model.*`: what answers here."""

from __future__ import annotations

from typing import Any

from confchat.frames import Request
from confchat.llm import ModelDescription
from confchat.requests.scope import Handlers, Scope


class ModelRequests:
    """Describes the installation's models."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def handlers(self) -> Handlers:
        return {"model.list": self._list}

    async def _list(self, request: Request) -> None:
        models = await self._scope.deployment.model.list_models()
        self._scope.reply(request, "model.list", models=[_describe(model) for model in models])


def _describe(model: ModelDescription) -> dict[str, Any]:
    return {
        "name": model.name,
        "digest": model.digest,
        "backend": model.backend,
        "context_length": model.context_length,
        "thinks": model.thinks,
        "simulated_thinking": model.simulated_thinking,
    }

"""`model.*`: what answers here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from confchat.deployment import Deployment
from confchat.frames import Request
from confchat.llm import ModelDescription
from confchat.opened_weights import describe_openings
from confchat.parameters import describe_parameters
from confchat.requests.scope import Handlers, Scope


class ModelRequests:
    """Describes the installation's models."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def handlers(self) -> Handlers:
        return {"model.list": self._list}

    async def _list(self, request: Request) -> None:
        deployment = self._scope.deployment
        models = await deployment.model.list_models()
        context_tokens = deployment.context_tokens(self._scope.model)
        opened = await asyncio.to_thread(describe_openings, models)
        self._scope.reply(
            request,
            "model.list",
            models=[{**_describe(model, deployment), **_opening(model, opened)} for model in models],
            default=deployment.model_name,
            context_tokens=context_tokens,
            options=describe_parameters(context_tokens=context_tokens),
        )


def _opening(model: ModelDescription, opened: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Any]:
    """Build what is told of how the weights were opened; nothing of weights that are not here."""
    return {"opened": opened[model.name]} if model.name in opened else {}


def _describe(model: ModelDescription, deployment: Deployment) -> dict[str, Any]:
    """Build what the page is told of a model; `listed` says whether the release that runs here knows its digest."""
    return {
        "name": model.name,
        "digest": model.digest,
        "backend": model.backend,
        "context_length": model.context_length,
        "thinks": model.thinks,
        "simulated_thinking": model.simulated_thinking,
        "efforts": list(model.efforts),
        "sees": model.sees,
        "size": model.size,
        "parameter_size": model.parameter_size,
        "quantization": model.quantization,
        "loaded": model.is_loaded,
        "context_tokens": deployment.context_tokens(model),
        "listed": deployment.release.names_model(model.name, model.digest),
    }

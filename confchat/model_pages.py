"""The page on which admins see the models that are here, and fetch another. Holds no content of anybody."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from confchat.accounts.roles import is_admin
from confchat.deployment import Deployment, deployment
from confchat.encrypted_rows import encrypted_rows
from confchat.engines import OLLAMA, is_inside, serves_files
from confchat.errors import ModelError
from confchat.llm import ModelDescription

MAX_NAME = 400

View = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]


def _admins_only(view: View) -> View:
    @wraps(view)
    async def guarded(request: HttpRequest) -> HttpResponse:
        if not await sync_to_async(is_admin)(await request.auser()):
            raise PermissionDenied
        return await view(request)

    return login_required(guarded)


@require_safe
@_admins_only
async def models(request: HttpRequest) -> HttpResponse:
    """The models that are here, and the form that fetches another."""
    return await _page(request)


@require_POST
@_admins_only
async def pull(request: HttpRequest) -> HttpResponse:
    """Begin to fetch a model, where this installation's model server can."""
    parts = deployment()
    if not _can_pull():
        return await _page(request, fault=_fault("unsupported"), status=409)
    try:
        parts.pulls.start(request.POST.get("name", "").strip()[:MAX_NAME])
    except ModelError as error:
        return await _page(request, fault=_fault(error.code), status=409)
    return redirect("models")


@require_POST
@_admins_only
async def end_pull(request: HttpRequest) -> HttpResponse:
    """Stop fetching."""
    deployment().pulls.end()
    await deployment().pulls.wait()
    return redirect("models")


@require_safe
@_admins_only
async def pull_state(request: HttpRequest) -> HttpResponse:
    """Say how far the newest pull is, in a sentence and in numbers, for a page that watches."""
    return JsonResponse(_state(deployment()))


@require_safe
@_admins_only
async def encrypted_state(request: HttpRequest) -> HttpResponse:
    """Say how every encrypted model is, for a page that watches."""
    names = set()
    with suppress(ModelError):
        names = {model.name for model in await deployment().model.list_models()}
    return JsonResponse({"rows": await _encrypted_rows(names)})


# Not by asyncio.to_thread, which does not take the reader's language along.
_encrypted_rows = sync_to_async(encrypted_rows, thread_sensitive=False)


async def _page(request: HttpRequest, *, fault: str = "", status: int = 200) -> HttpResponse:
    parts = deployment()
    found: tuple[ModelDescription, ...] = ()
    try:
        found = await parts.model.list_models()
    except ModelError as error:
        fault = fault or _fault(error.code)
    free = parts.pulls.free_bytes()
    context = {
        "rows": [{"model": model, "listed": parts.release.names_model(model.name, model.digest)} for model in found],
        "default": parts.model_name,
        "can_pull": _can_pull(),
        "place": _place(),
        "encrypted": await _encrypted_rows({model.name for model in found}),
        "free": None if free is None else filesizeformat(free),
        "pull": _state(parts),
        "fault": fault,
    }
    return await sync_to_async(render)(request, "models.html", context, status=status)


def _state(parts: Deployment) -> dict[str, Any]:
    current = parts.pulls.current
    if current is None:
        return {"state": "none", "sentence": "", "done": 0, "total": 0}
    size = {"done": filesizeformat(current.done_bytes), "total": filesizeformat(current.total_bytes)}
    values = {"name": current.name, **size}
    sentences = {
        "running": _("Fetching %(name)s: %(done)s of %(total)s") if current.total_bytes else _("Asking for %(name)s …"),
        "done": _("%(name)s is here. The badge is not green with it until a release names its digest."),
        "ended": _("You stopped fetching %(name)s. Another try goes on from there."),
    }
    sentence = sentences[current.state] % values if current.state in sentences else _fault(current.code)
    return {
        "state": current.state,
        "sentence": sentence,
        "done": current.done_bytes,
        "total": current.total_bytes,
    }


def _can_pull() -> bool:
    return settings.CONFCHAT_ENGINE == OLLAMA and not settings.CONFCHAT_EMBEDDED_MODEL


def _place() -> str:
    """Say where the model runs, and what vouches for it there."""
    values = {"engine": settings.CONFCHAT_ENGINE, "place": urlsplit(settings.CONFCHAT_ENGINE_URL).netloc}
    if not is_inside():
        return _(
            "The model runs outside of this machine, at %(place)s: every prompt is read there, and nothing proves what "
            "that place is. No badge is green with it, and a policy that requires green lets nobody chat."
        ) % {**values, "place": values["place"] or settings.CONFCHAT_OLLAMA_HOST}
    if serves_files():
        return (
            _(
                "The model runs inside this machine, behind an interface of the form %(engine)s at %(place)s. Its "
                "files and its program are measured, and the quote of each attestation vouches for them."
            )
            % values
        )
    return _("The model runs inside this machine. Its files and its program are measured before they serve.")


def _fault(code: str) -> str:
    """Return what went wrong and what to do, by its code."""
    faults = {
        "unsupported": _("This model server fetches nothing. Start Ollama, and name it in OLLAMA_HOST."),
        "model_busy": _("Another model is being fetched. Wait for it, or stop it."),
        "model_missing": _("This is not a name to be fetched here: models of the cloud would be sent every prompt."),
        "model_unknown": _("The registry has no model of that name. Look for its exact name and tag."),
        "no_space": _("There is not enough room on the disk for it. Nothing more was fetched."),
        "model_unavailable": _("The model server cannot be reached. Is it running?"),
    }
    return faults.get(code, _("The model server could not fetch it. Can it reach its registry?"))

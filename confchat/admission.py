"""Who is behind a socket, whether that still holds, which its ASGI scope cannot tell, and who hears that it ended.

A person comes with the login of his browser, a program with an access token in the header `Authorization`; a socket
with such a header has no other login.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from importlib import import_module
from threading import Lock
from typing import Any

from channels.auth import get_user
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from attestation.database import in_database
from attestation.errors import UnavailableError
from confchat.accounts.access_tokens import find_token, token_holds
from confchat.limits import spend
from confchat.sockets import CLOSE_OVERLOADED, CLOSE_RATE

# Key of a login -> who wants to hear of its end, each in its event loop; written by that loop's thread, read by any.
_WATCHING: dict[str, list[tuple[asyncio.AbstractEventLoop, Callable[[], None]]]] = {}
_LOCK = Lock()
_SCHEME = "bearer "


class AccessTokenMiddleware:
    """Puts the account of a token into the scope of a socket that brings one, and its id as `access_token`.

    Without a good one the socket is nobody's; `refusal` is a close code where nobody was asked.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Look at the header, and go on."""
        header = dict(scope["headers"]).get(b"authorization")
        if header is not None:
            scope = {**scope, "user": AnonymousUser(), **await _admit(scope, header.decode("latin-1"))}
        await self._application(scope, receive, send)


async def _admit(scope: Mapping[str, Any], header: str) -> dict[str, Any]:
    if not spend("tokens/address", address_of(scope), limit=settings.CONFCHAT_HANDSHAKES_PER_ADDRESS):
        return {"refusal": CLOSE_RATE}
    if not header.lower().startswith(_SCHEME):
        return {}
    try:
        token = await in_database(find_token)(header[len(_SCHEME) :].strip(), now=timezone.now())
    except UnavailableError:
        return {"refusal": CLOSE_OVERLOADED}
    return {} if token is None else {"user": token.user, "access_token": str(token.pk)}


def address_of(scope: Mapping[str, Any]) -> str:
    """Return the address from which a socket comes."""
    return str((scope.get("client") or ("unknown",))[0])


def login_of(scope: Mapping[str, Any]) -> str:
    """Return the key of a socket's login."""
    token = scope.get("access_token")
    return str(scope["session"].session_key) if token is None else token_login(token)


def token_login(token: str) -> str:
    """Return the key of the login that an access token (its id) is."""
    return f"access token {token}"


async def is_logged_in(scope: Mapping[str, Any], *, user: str) -> bool:
    """Ask the database; the scope remembers the login as it was when the socket opened."""
    token = scope.get("access_token")
    if token is not None:
        return await in_database(token_holds)(token, user=user, now=timezone.now())
    store = import_module(settings.SESSION_ENGINE).SessionStore
    found = await get_user({"session": store(scope["session"].session_key)})
    return found.is_authenticated and str(found.pk) == user


def watch_login(key: str, ended: Callable[[], None]) -> Callable[[], None]:
    """Have `ended` called in this event loop when the login of this key ends; return what stops that."""
    entry = asyncio.get_running_loop(), ended
    with _LOCK:
        _WATCHING.setdefault(key, []).append(entry)

    def stop() -> None:
        with _LOCK:
            left = [other for other in _WATCHING.pop(key, []) if other is not entry]
            if left:
                _WATCHING[key] = left

    return stop


def end_sockets(key: str) -> None:
    """Tell every socket of a login that it ended; any thread may call."""
    with _LOCK:
        told = list(_WATCHING.get(key, []))
    for loop, ended in told:
        if not loop.is_closed():
            loop.call_soon_threadsafe(ended)

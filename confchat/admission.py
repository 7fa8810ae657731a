"""Whether the login of a socket still holds, which its ASGI scope cannot tell, and who hears at once that it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from importlib import import_module
from threading import Lock
from typing import Any

from channels.auth import get_user
from django.conf import settings

# Key of a login -> who wants to hear of its end, each in its event loop; written by that loop's thread, read by any.
_WATCHING: dict[str, list[tuple[asyncio.AbstractEventLoop, Callable[[], None]]]] = {}
_LOCK = Lock()


async def is_logged_in(scope: Mapping[str, Any], *, user: str) -> bool:
    """Ask the database; the scope remembers the login as it was when the socket opened."""
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

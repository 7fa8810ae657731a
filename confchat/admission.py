"""Whether the login of a socket still holds, which its ASGI scope cannot tell."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from channels.auth import get_user
from django.conf import settings


async def is_logged_in(scope: Mapping[str, Any], *, user: str) -> bool:
    """Ask the database; the scope remembers the login as it was when the socket opened."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    found = await get_user({"session": store(scope["session"].session_key)})
    return found.is_authenticated and str(found.pk) == user

"""Wiring: HTTP to Django, the session's WebSocket to its consumer."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confchat.settings")

from django.core.asgi import get_asgi_application

http_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from confchat.consumers import SessionConsumer


def route(sessions: Any) -> ProtocolTypeRouter:
    """Return the whole application, with `sessions` (ASGI) behind the WebSocket's address."""
    sockets = AuthMiddlewareStack(URLRouter([path("ws/session/", sessions)]))
    return ProtocolTypeRouter({"http": http_application, "websocket": sockets})


application = route(SessionConsumer.as_asgi())

"""Wiring: HTTP to Django, the session's WebSocket to its consumer."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confchat.settings")

from django.core.asgi import get_asgi_application

http_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path, re_path

from attestation.errors import AttestationError, ConfigurationError
from confchat.admission import AccessTokenMiddleware
from confchat.consumers import SessionConsumer
from confchat.deployment import deployment
from confchat.errors import ModelError
from confchat.janitor import keep_house

logger = logging.getLogger(__name__)

MEASURE_AGAIN_S = 5.0


def route(sessions: Any) -> ProtocolTypeRouter:
    """Return the whole application, with `sessions` (ASGI) behind the WebSocket's address."""
    refuse: Any = _refuse  # Django's types know views only
    routes = URLRouter([path("ws/session/", sessions), re_path("", refuse)])
    sockets = AuthMiddlewareStack(AccessTokenMiddleware(routes))
    return ProtocolTypeRouter({"http": http_application, "websocket": sockets, "lifespan": _live})


async def _refuse(_scope: Any, receive: Any, send: Any) -> None:
    """Refuse a socket at an address where there is none; before it was accepted, a server answers with 403."""
    await receive()
    await send({"type": "websocket.close"})


async def _live(_scope: Any, receive: Any, send: Any) -> None:
    """Keep collateral fresh, and have what is being said stored before the server ends (ASGI's lifespan protocol)."""
    keeping = asyncio.create_task(_keep_in_order(), name="collateral and what is due")
    measuring = asyncio.create_task(_measure_workload(), name="workload")
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    keeping.cancel()
    measuring.cancel()
    if deployment.cache_info().currsize:
        await deployment().generations.cut_all()
    await send({"type": "lifespan.shutdown.complete"})


async def _keep_in_order() -> None:
    try:
        parts = deployment()
    except ConfigurationError as error:
        logger.error("nothing can be attested: %s", error)
        return
    await asyncio.gather(parts.collateral.keep_fresh(), keep_house(parts))


async def _measure_workload() -> None:
    """Measure before anybody asks, as soon as what is measured is there: a large model takes minutes."""
    while True:
        try:
            parts = deployment()
            await parts.settle_release()
            await parts.workload.measure(await parts.describe_model(), parts.release)
        except ConfigurationError:
            return  # said elsewhere, and to everybody who asks
        except (AttestationError, ModelError) as error:
            logger.info("the workload is not measured yet: %s", error)
            await asyncio.sleep(MEASURE_AGAIN_S)
        else:
            return


application = route(SessionConsumer.as_asgi())

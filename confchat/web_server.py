"""The web server's process: uvicorn on a listening TCP socket that its parent opened.

usage: python -m confchat.web_server DESCRIPTOR

uvicorn's own `--fd` takes every descriptor for a Unix socket: small frames would then wait for the peer's
acknowledgements (Nagle), and every peer would have the same, empty, address.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

import uvicorn

from confchat.own_memory import leave_no_core

# The consumer itself answers a sealed frame over 1 MiB; what is larger still is refused before it is read.
MAX_WEBSOCKET_MESSAGE_BYTES = 2 * 1024 * 1024
END_CONNECTIONS_S = 5
# A peer is asked this often whether it is there, and has as long to answer.
PING_S = 20.0


def serve(listener: socket.socket, application: Any = "confchat.asgi:application", *, ping_s: float = PING_S) -> None:
    """Serve an ASGI application, or the one of that name, until a signal ends it.

    Peers' own claims of their address are not believed. Prompts are in this process's memory: it leaves no core.
    """
    leave_no_core()
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http="h11",
        ws="websockets-sansio",
        ws_max_size=MAX_WEBSOCKET_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=ping_s,
        ws_ping_timeout=ping_s,
        lifespan="on",
        log_level="warning",
        access_log=False,  # addresses name conversations
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=END_CONNECTIONS_S,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))

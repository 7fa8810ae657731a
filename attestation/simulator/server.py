"""The running simulator: its quoting service and its provisioning service, each on a Unix socket, in one process."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from attestation.simulator.installation import Installation
from attestation.simulator.pcs import ProvisioningService
from attestation.simulator.qgs import QuotingService
from attestation.simulator.sockets import PCCS_SOCKET, QGS_SOCKET, listening


class _Server(uvicorn.Server):
    """uvicorn that says when it serves."""

    def __init__(self, config: uvicorn.Config, *, when_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_ready = when_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._when_ready()


async def serve(directory: Path, *, when_ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: no simulator in the directory, its path is too long, or one is running already.
    """
    installation = Installation.open(directory)
    installation.state_file.read()
    config = uvicorn.Config(
        ProvisioningService(installation),
        loop="none",
        lifespan="off",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    provisioning = _Server(config, when_ready=when_ready)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn ends by the same signals and raises them again once it has ended: then they must kill nothing.
        loop.add_signal_handler(number, provisioning.handle_exit, number, None)
    with listening(directory / QGS_SOCKET) as qgs, listening(directory / PCCS_SOCKET) as pccs:
        async with await asyncio.start_unix_server(QuotingService(installation).serve_connection, sock=qgs):
            await provisioning.serve(sockets=[pccs])

"""The programs that one installation consists of: the web server, the simulated platform, the embedded model."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from confchat.supervisor import Program

PROBE_TIMEOUT_S = 2.0
WEB_READY_TIMEOUT_S = 60.0
SIMULATOR_READY_TIMEOUT_S = 30.0
MODEL_READY_TIMEOUT_S = 120.0
BACKLOG = 2048
# How long a peer may leave data unread or unacknowledged before the system cuts it.
UNREAD_TIMEOUT_S = 30
LOOPBACK = "127.0.0.1"


def open_listener(host: str, port: int) -> socket.socket:
    """Open the socket that the web server will accept from; it outlives a restart of that server.

    Raises:
        OSError: the address is in use, or not one of this machine's.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit this (tcp(7)). No server above TCP can cut a peer whose window stays closed.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_TIMEOUT_S * 1000)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def build_web_server(
    listener: socket.socket, *, host_name: str, model_host: str, is_model_embedded: bool, model: str
) -> Program:
    """Return the web server: one process, since running answers and handshakes live in its memory.

    `host_name` is one that the server answers to.
    """
    return Program(
        name="Web server",
        command=_python("confchat.web_server", str(listener.fileno())),
        environment={
            "OLLAMA_HOST": model_host,
            "CONFCHAT_EMBEDDED_MODEL": "1" if is_model_embedded else "0",
            "CONFCHAT_MODEL": model,
        },
        inherited_fds=(listener.fileno(),),
        is_ready=_answers(*_reachable(listener), path="/healthz", host_name=host_name),
        ready_timeout_s=WEB_READY_TIMEOUT_S,
    )


def build_simulator(directory: Path) -> Program:
    """Return the simulated platform: a quoting service and a PCS, each on a Unix socket in `directory`."""
    return Program(
        name="Simulated TDX platform",
        command=_python("attestation.simulator", "serve", "--directory", str(directory)),
        is_ready=_accept(directory / "qgs.sock", directory / "pccs.sock"),
        ready_timeout_s=SIMULATOR_READY_TIMEOUT_S,
    )


def build_model_server(models_dir: Path, *, port: int) -> Program:
    """Return the embedded model on a loopback port, with Ollama's API."""
    return Program(
        name="Embedded model",
        command=_python("confchat.llm.devserver", "--models", str(models_dir), "--port", str(port)),
        is_ready=_answers(LOOPBACK, port, path="/api/version", host_name=LOOPBACK),
        ready_timeout_s=MODEL_READY_TIMEOUT_S,
    )


def build_watch() -> Program:
    """Return the watch, which asks the web server now and then; nobody waits until it is ready."""
    return Program(
        name="Watch",
        command=_python("django", "watch"),
        is_ready=_at_once,
        ready_timeout_s=WEB_READY_TIMEOUT_S,
    )


def free_port() -> int:
    """Return a loopback port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


async def _at_once() -> bool:
    return True


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


def _reachable(listener: socket.socket) -> tuple[str, int]:
    """Return an address by which this machine reaches its own listener, also one on every interface."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = LOOPBACK if listener.family == socket.AF_INET else "::1"
    return host, port


def _answers(host: str, port: int, *, path: str, host_name: str) -> Callable[[], Awaitable[bool]]:
    """Return a probe: does an HTTP server there answer with 200?"""
    request = f"GET {path} HTTP/1.1\r\nHost: {host_name}:{port}\r\nConnection: close\r\n\r\n".encode()

    async def probe() -> bool:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(host, port)
                try:
                    writer.write(request)
                    status_line = await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
        return status_line.split(b" ")[1:2] == [b"200"]

    return probe


def _accept(*paths: Path) -> Callable[[], Awaitable[bool]]:
    """Return a probe: is every one of these Unix sockets served?"""

    async def probe() -> bool:
        try:
            for path in paths:
                async with asyncio.timeout(PROBE_TIMEOUT_S):
                    _, writer = await asyncio.open_unix_connection(path)
                writer.close()
        except (OSError, TimeoutError):
            return False
        return True

    return probe

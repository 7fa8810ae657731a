"""Serving the development broker over HTTP or TLS, until a signal ends it."""

from __future__ import annotations

from pathlib import Path

import uvicorn

from attestation.errors import ConfigurationError
from attestation.kbs.devbroker.application import Application

GRACE_S = 1


def serve(application: Application, *, host: str, port: int, certificate: Path | None, key: Path | None) -> None:
    """Serve; with a certificate and its key (PEM) over TLS. Raises `ConfigurationError` where it cannot listen."""
    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    try:
        uvicorn.Server(config).run()
    except OSError as error:
        raise ConfigurationError(f"cannot serve: {error.strerror or error}") from error

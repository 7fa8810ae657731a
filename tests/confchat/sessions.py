"""Who logs in for the tests of sessions, and with which history key."""

from __future__ import annotations

from contextlib import AbstractContextManager

import httpx

from tests.product import Server
from tests.session_client import log_in

KEY = b"k" * 32


def log_in_user(server: Server) -> AbstractContextManager[httpx.Client]:
    """Log in as the first account that is neither admin nor auditor."""
    return log_in(server.address, "user", server.password)

"""Which database holds accounts, history and ciphertext: SQLite in the data directory, or a PostgreSQL that is named.

The database is never trusted (SECURITY.md); what is asked of it here is that it keeps what it acknowledged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

# So long a connection is kept for the next request, in seconds.
CONNECTION_S = 60
# Longer than any of our transactions; whoever waits behind a lock for longer is told that nothing was stored.
LOCK_S = 5
CONNECT_S = 5
STATEMENT_S = 20

# A server that vanished from the network is noticed, in seconds (tcp_user_timeout: in milliseconds).
_KEEP_ALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}

_SCHEMES = ("postgresql", "postgres")
# Of libpq's parameters, those that say where the database is and how it shows who it is.
_PARAMETERS = ("host", "sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding", "target_session_attrs")


def sqlite_database(path: Path) -> dict[str, Any]:
    """Return Django's settings of a database in one file."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": CONNECTION_S,
        "OPTIONS": {
            "timeout": LOCK_S,
            "transaction_mode": "IMMEDIATE",
            # FULL: what is acknowledged survives a power cut, not only a crash of this process.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;",
        },
    }


def postgresql_database(url: str) -> dict[str, Any]:
    """Return Django's settings of the database that a `postgresql://user:password@host:port/name?sslmode=…` names.

    A socket's directory stands as `?host=/run/postgresql`.

    Raises:
        ImproperlyConfigured: the URL names none; the message repeats nothing of it, as a password may stand in it.
    """
    try:
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        port = parts.port
    except ValueError as error:
        raise _unreadable() from error
    name = unquote(parts.path.removeprefix("/"))
    if parts.scheme not in _SCHEMES or not name or "/" in name or parts.fragment or not asked.keys() <= {*_PARAMETERS}:
        raise _unreadable()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": asked.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": "" if port is None else str(port),
        "CONN_MAX_AGE": CONNECTION_S,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": CONNECT_S, "options": _session_options(), **_KEEP_ALIVE, **asked},
    }


def _session_options() -> str:
    """Return what each connection asks of the server, whatever its own configuration says."""
    wanted = {
        # What is acknowledged survives a power cut.
        "synchronous_commit": "on",
        "lock_timeout": f"{LOCK_S}s",
        "statement_timeout": f"{STATEMENT_S}s",
        "idle_in_transaction_session_timeout": f"{STATEMENT_S}s",
    }
    return " ".join(f"-c {name}={value}" for name, value in wanted.items())


def _unreadable() -> ImproperlyConfigured:
    return ImproperlyConfigured(
        "CONFCHAT_DATABASE_URL cannot be read; it must look like postgresql://user:password@host:5432/name, "
        f"with nothing behind a question mark but {', '.join(_PARAMETERS)}."
    )

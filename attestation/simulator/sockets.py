"""The Unix sockets that the simulator serves on."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attestation.errors import ConfigurationError

QGS_SOCKET = "qgs.sock"
PCCS_SOCKET = "pccs.sock"
# sockaddr_un.sun_path has 108 bytes with its terminator (unix(7)).
MAX_SOCKET_PATH_BYTES = 107

_BACKLOG = 512


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """Hold a listening socket, and remove it in the end; raises what `bind_unix` raises."""
    listener = bind_unix(path)
    try:
        yield listener
    finally:
        listener.close()
        path.unlink(missing_ok=True)


def bind_unix(path: Path) -> socket.socket:
    """Return a listening socket of mode 0600, in place of one that nobody serves any more.

    Raises:
        ConfigurationError: the path is too long or in use.
    """
    encoded = os.fsencode(path)
    if len(encoded) > MAX_SOCKET_PATH_BYTES:
        raise ConfigurationError(
            f"the socket path {path} has {len(encoded)} bytes, and the system allows {MAX_SOCKET_PATH_BYTES}: "
            "set CONFCHAT_DATA_DIR to a shorter directory"
        )
    if is_served(path):
        raise ConfigurationError(f"another simulator is serving {path} already")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            path.unlink()
        listener.bind(encoded)
        path.chmod(0o600)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"{path} cannot be served: {error.strerror}") from error
    return listener


def is_served(path: Path) -> bool:
    """Tell whether somebody accepts connections on a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(os.fsencode(path))
        except OSError:
            return False
    return True

"""What a service tells the manager that started it (sd_notify(3)): that it is ready, and that it lives."""

from __future__ import annotations

import socket
from typing import Literal

Word = Literal["READY=1", "WATCHDOG=1"]


def tell_manager(address: str, word: Word) -> None:
    """Send a word to the socket that systemd named; nothing where it named none, or is gone.

    An address that begins with `@` is one of Linux' abstract ones.
    """
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.sendto(word.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError:
            return

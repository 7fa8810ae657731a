"""A service says to systemd what its unit waits for."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from confchat.service_manager import tell_manager


@pytest.mark.parametrize("is_abstract", [False, True])
def test_the_manager_hears_that_a_service_is_ready(is_abstract: bool) -> None:
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = str(Path(directory) / "notify")
        manager.bind(f"\0{path}" if is_abstract else path)
        manager.settimeout(10)
        tell_manager(f"@{path}" if is_abstract else path, "READY=1")
        assert manager.recv(64) == b"READY=1"


def test_a_manager_that_is_not_there_is_no_reason_to_end() -> None:
    tell_manager("", "READY=1")
    tell_manager("/nowhere/notify", "WATCHDOG=1")

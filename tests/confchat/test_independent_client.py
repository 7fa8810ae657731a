"""A client that was written from the protocol's text alone, by others: it must see green and get a sealed answer."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.product import ROOT, Server

CLIENT = ROOT.parent / "shared" / "tools" / "client.py"
TIMEOUT_S = 100


@pytest.mark.skipif(not CLIENT.is_file(), reason=f"no independent client: put it at {CLIENT}")
def test_an_independent_client_sees_green_and_gets_sealed_answers(server: Server) -> None:
    # It makes a history key of its own, so its account must be one whose key no other test has enrolled.
    command = [sys.executable, str(CLIENT), server.address, "auditor", server.password, "Say hello."]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT_S, env=environment)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    assert result.stdout.rstrip().endswith("ok")

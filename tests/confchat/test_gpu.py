"""A product on a machine with GPUs says what they show, and its quote vouches for that."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx

from attestation.encoding import b64decode, b64encode
from attestation.gpu import gpu_digest, gpu_nonce, parse_gpu_claims
from attestation.statement import Statement, parse_statement
from tests.gpu_environment import answer_so, make_environment
from tests.product import Server, running_server


def ask(server: Server, nonce: bytes) -> tuple[Statement, str | None, dict[str, Any]]:
    """Return the statement, what came of the GPUs, and the check on it."""
    body = {"nonce": b64encode(nonce)}
    found = httpx.post(f"{server.address}/attestation/evidence", json=body, trust_env=False, timeout=30).json()
    check = next(check for check in found["verdict"]["checks"] if check["id"] == "gpu.evidence")
    assert found["verdict"]["outcome"] == "affirming"
    return parse_statement(b64decode(found["evidence"]["statement"])), found["evidence"].get("gpu"), check


def test_gpus_answer_with_the_machine(tmp_path: Path) -> None:
    environment, nonce = make_environment(tmp_path / "sdk"), os.urandom(32)
    with running_server(tmp_path / "data", CONFCHAT_GPU_PYTHON=str(answer_so(environment))) as server:
        statement, text, check = ask(server, nonce)
        assert text is not None
        assert statement.gpu is not None
        assert (statement.gpu.state, statement.gpu.sha256) == ("confidential", gpu_digest(text))
        assert parse_gpu_claims(text).overall.claims["eat_nonce"] == gpu_nonce(nonce)
        assert (check["status"], check["source"]) == ("pass", "asserted")
        assert "does not prove" in check["detail"]
        answer_so(environment, cc=0)
        statement, text, check = ask(server, nonce)
        assert text is None
        assert statement.gpu is not None
        assert (statement.gpu.state, check["status"]) == ("plain", "pass")
        assert "not confidential" in check["detail"]

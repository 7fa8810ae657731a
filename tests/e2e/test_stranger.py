"""A stranger at the running product: no account, nothing but a command line and the keys that he knows."""

from __future__ import annotations

import hashlib
import json
import urllib.request
from pathlib import Path

import pytest

from attestation.__main__ import GREEN, NOT_GREEN, main
from attestation.encoding import b64encode
from tests.product import Server
from tests.session_client import log_in


@pytest.fixture
def known(server: Server, tmp_path: Path) -> list[str]:
    """What a stranger knows: the keys as their operator would publish them elsewhere."""
    with urllib.request.urlopen(f"{server.address}/attestation/keys") as response:
        keys = json.load(response)
    (tmp_path / "issuer.json").write_text(json.dumps(keys["tokens"][0]))
    root = (server.data_dir / "simulator" / "root.der").read_bytes()
    return [
        *("--log-key", keys["log"]["vkey"], "--release-key", keys["release"]["key"]),
        *("--token-issuer", str(tmp_path / "issuer.json"), "--simulator-root", hashlib.sha256(root).hexdigest()),
    ]


def test_a_stranger_attests_the_server(server: Server, known: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attest", server.address, *known]) == GREEN, capsys.readouterr().out
    told = capsys.readouterr().out
    assert "Verified: every check holds." in told
    assert "The server says" not in told


def test_what_the_server_serves_is_its_signed_release(
    server: Server, known: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["assets", server.address, *known, "--json"]) == GREEN, capsys.readouterr().out
    told = json.loads(capsys.readouterr().out)
    assert told["compared"] > 50
    assert told["differences"] == []


def test_evidence_taken_away_is_judged_again(
    server: Server, known: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nonce = bytes(range(32))
    assert main(["attest", server.address, *known, "--nonce", b64encode(nonce), "--json"]) == GREEN
    told = json.loads(capsys.readouterr().out)
    with log_in(server.address, "auditor", server.password) as login:
        archive = login.get(f"/attestation/records/{told['record']}/evidence.zip").content
    path = tmp_path / "evidence.zip"
    path.write_bytes(archive)
    asked = ["--nonce", told["nonce"], "--conversation", "none", "--origin", server.address]
    offered = ["--suite", "MLKEM768-X25519", "--suite", "X25519", "--at", told["evaluated_at"]]
    assert main(["verify", str(path), *known, *asked, *offered]) == GREEN, capsys.readouterr().out
    assert main(["verify", str(path), *known, *asked, *offered[:-2]]) == NOT_GREEN

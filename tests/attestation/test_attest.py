"""`python -m attestation attest`: a stranger's own judgement, whatever the server says of itself."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from attestation.__main__ import BAD_INPUT, GREEN, NOT_GREEN, main
from attestation.encoding import b64decode, b64encode
from attestation.issuer import TokenIssuer
from attestation.reference_values import parse_release
from attestation.services import AttestationService, create_application
from tests.attestation.lying_server import lying_server
from tests.attestation.scene import FixedCollateral
from tests.cases.forgeries import FORGERIES
from tests.cases.python import read_policy, read_trust
from tests.cases.scene import COLLATERAL, DEPLOYMENT_KEY, NOW, OTHER_KEY, PLATFORM, POLICY, TOKEN_KEY, TRUST, Scene
from tests.policies import write_policy

ROOT = Path(__file__).parents[2]
LOG_KEY = b64encode(DEPLOYMENT_KEY.public_key().public_bytes_raw())
OTHER_LOG_KEY = OTHER_KEY.public_key().public_bytes_raw()


def honest(scene: Scene) -> Scene:
    return scene


def test_an_honest_server_is_green(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lying_server(honest) as server:
        assert ask([*command(server.address, tmp_path)]) == GREEN
    told = capsys.readouterr().out
    assert "Verified: every check holds." in told
    assert "SIMULATED" in told


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_never_green_whatever_the_server_says(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forgery = FORGERIES[name]
    with lying_server(forgery.make) as server:
        assert ask([*command(server.address, tmp_path), "--json"]) == NOT_GREEN
    told = json.loads(capsys.readouterr().out)
    check, code = next(iter(forgery.fails.items()))
    assert (told["claimed"], told["green"], told["reason"]) == ("affirming", False, {"id": check, "code": code})


def test_the_table_of_forgeries_in_the_protocol_is_the_one_that_is_tested() -> None:
    section = (ROOT / "docs" / "PROTOCOL.md").read_text().split("## 10. ")[1].split("\n## ")[0]
    table = re.findall(r"^\| \*\*(.+?)\*\*.*\| `([a-z_.]+)` \| `([a-z_]+)` \|$", section, re.MULTILINE)
    assert table == [(name, *next(iter(forgery.fails.items()))) for name, forgery in FORGERIES.items()]


def test_what_is_not_known_is_not_checked_and_not_green(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lying_server(honest) as server:
        assert main(["attest", server.address], clock=lambda: NOW) == NOT_GREEN
        told = capsys.readouterr().out
        assert "(simulator_refused)" in told
        arguments = without(command(server.address, tmp_path), "--log-key")
        assert ask(arguments) == NOT_GREEN
    told = capsys.readouterr().out
    assert "Not checked: binding.origin." in told
    assert "You did not give: --log-key." in told


def test_a_key_is_trusted_on_first_use_and_a_change_is_red(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lying_server(honest) as server:
        arguments = without(command(server.address, tmp_path), "--log-key")
        arguments += ["--state", str(tmp_path / "seen.json")]
        assert ask(arguments) == GREEN
        assert "FIRST USE" in capsys.readouterr().out
        assert ask(arguments) == GREEN
        assert "the one remembered here" in capsys.readouterr().out
        server.forge = FORGERIES["other deployment"].make
        server.log_key = OTHER_LOG_KEY
        assert ask([*arguments, "--json"]) == NOT_GREEN
    assert json.loads(capsys.readouterr().out)["reason"]["code"] == "deployment_signature"


def test_nothing_is_remembered_of_a_server_that_is_not_green(tmp_path: Path) -> None:
    with lying_server(FORGERIES["debug"].make) as server:
        arguments = without(command(server.address, tmp_path), "--log-key")
        assert ask([*arguments, "--state", str(tmp_path / "seen.json")]) == NOT_GREEN
    assert not (tmp_path / "seen.json").exists()


def test_a_state_file_that_cannot_be_read_is_not_forgotten(tmp_path: Path) -> None:
    state = tmp_path / "seen.json"
    state.write_text("[]")
    with lying_server(honest) as server:
        assert ask([*command(server.address, tmp_path), "--state", str(state)]) == BAD_INPUT
    assert state.read_text() == "[]"


def test_a_stranger_judges_by_a_policy_of_his_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lying_server(honest) as server:
        arguments = command(server.address, tmp_path)
        own = write_policy(tmp_path / "own.json", min_tcb_evaluation_data_number=17)
        assert ask([*arguments, "--policy", own]) == GREEN
        assert "Judged by the policy of-a-test (sha256:" in capsys.readouterr().out
        # A shipped policy for hardware counts no simulator's release.
        assert ask([*arguments, "--policy", "cloud"]) == NOT_GREEN
        assert "(release_unknown)" in capsys.readouterr().out
        assert ask([*arguments, "--policy", str(tmp_path / "none.json")]) == BAD_INPUT


def test_the_strangers_own_service_must_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lying_server(honest) as server:
        arguments = command(server.address, tmp_path)
        # Nothing answers there: that the operator's own service agrees no longer counts.
        chosen = ["--verifier", "http://127.0.0.1:1", "--verifier-key", str(tmp_path / "issuer.json")]
        assert ask([*arguments, *chosen]) == NOT_GREEN
        told = capsys.readouterr().out
        assert "could not be reached" in told
        assert "(token_missing)" in told
        assert ask([*arguments, *chosen[:2]]) == BAD_INPUT


def test_a_service_of_the_strangers_own_choosing_agrees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (published,) = Scene().build()["releases"]
    manifest, signature = (b64decode(published[name]) for name in ("manifest", "signature"))
    service = AttestationService(
        key=TOKEN_KEY,
        policy=read_policy(POLICY),
        trust=read_trust(TRUST),
        releases=(parse_release(manifest, signature, release_key=b64decode(TRUST["release_key"])),),
        collateral=FixedCollateral(COLLATERAL),
        simulator_root=PLATFORM.root_der,
        clock=lambda: NOW,
    )
    with lying_server(honest) as server, served(create_application(service)) as url:
        issuer = tmp_path / "own.json"
        issuer.write_text(json.dumps(wire_of(service.issuer)))
        arguments = without(command(server.address, tmp_path), "--token-issuer")
        assert ask([*arguments, "--verifier", url, "--verifier-key", str(issuer), "--json"]) == GREEN
    told = json.loads(capsys.readouterr().out)
    assert (told["verifier"]["url"], told["verifier"]["error"]) == (url, None)
    assert told["checks"][-1]["id"] == "verdict.token"


@contextmanager
def served(application: Any) -> Iterator[str]:
    """Serve an ASGI application on a free port of this computer."""
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_level="warning", lifespan="off"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.mark.parametrize("url", ["ftp://a", "localhost", "http://127.0.0.1:1", "http://127.0.0.1:1/path", "http://["])
def test_a_server_that_cannot_be_asked_is_bad_input(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attest", url]) == BAD_INPUT
    assert capsys.readouterr().err.startswith("python -m attestation attest: ")


def test_an_answer_that_is_no_evidence_is_bad_input(tmp_path: Path) -> None:
    def broken(scene: Scene) -> Scene:
        return Scene(spoiled={"evidence.quote": None})

    with lying_server(broken) as server:
        assert ask(command(server.address, tmp_path)) == BAD_INPUT


def wire_of(issuer: TokenIssuer) -> dict[str, Any]:
    return issuer.to_members()


def ask(arguments: list[str]) -> int:
    return main(arguments, clock=lambda: NOW)


def command(address: str, directory: Path) -> list[str]:
    """Return the command line of a stranger who knows everything that can be known."""
    issuer = directory / "issuer.json"
    token: dict[str, Any] = TRUST["tokens"][0]
    issuer.write_text(json.dumps(token))
    options = {
        "--log-key": LOG_KEY,
        "--release-key": TRUST["release_key"],
        "--token-issuer": str(issuer),
        "--simulator-root": TRUST["simulator_root_sha256"],
        "--min-evaluation": str(POLICY["min_tcb_evaluation_data_number"]),
    }
    return ["attest", address, *(part for option in options.items() for part in option)]


def without(arguments: list[str], option: str) -> list[str]:
    position = arguments.index(option)
    return arguments[:position] + arguments[position + 2 :]

"""The product with our own attestation service and one of every other kind, started from its settings."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from attestation.__main__ import main
from attestation.services import build_verifier, read_description, utc_now
from attestation.services.__main__ import main as services_main
from attestation.site import Site
from attestation.statement import report_data
from tests.attestation.test_caller import write_certificate
from tests.product import MODELS, Server, free_port, running_server, wait_for_line
from tests.session_client import SessionClient, account_id, log_in
from tests.standins.running import one_of_each, running, write_settings
from tests.standins.service import Reply, StandIn

Panel = tuple[Server, dict[str, StandIn]]


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    if not MODELS.is_dir():
        pytest.skip("no embedded model: make var/models/.unpacked")
    directory, services = tmp_path_factory.mktemp("several"), one_of_each()
    with running(services) as addresses:
        settings = write_settings(directory, services, addresses)
        with running_server(directory / "data", **settings) as server:
            yield server, services


async def test_all_affirm_and_the_whole_handshake_passes(panel: Panel, tmp_path: Path) -> None:
    server, _ = panel
    with log_in(server.address, "user", server.password) as login:
        async with SessionClient.connected(server.address, login.cookies, user=account_id(login)) as client:
            verdict = await client.ask()
            assert verdict["outcome"] == "affirming", verdict["checks"]
            entries = [verdict, *verdict["others"]]
            names = [entry["verifier"]["name"] for entry in entries]
            assert names == ["embedded", "alibaba", "intel", "partner", "partner-old"]
            assert all(entry["token"] and entry["error"] is None for entry in entries)
            assert (await client.open())["outcome"] == "affirming"
        archive = login.get(f"/attestation/records/{verdict['record']}/evidence.zip")
    (tmp_path / "evidence.zip").write_bytes(archive.content)
    assert _judge_offline(server, tmp_path, issuers=names) == "pass"
    assert _judge_offline(server, tmp_path, issuers=names[:2]) == "unknown"


def _published_keys(server: Server) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.address}/attestation/keys") as response:
        keys: dict[str, Any] = json.load(response)
    return keys


def _judge_offline(server: Server, directory: Path, *, issuers: list[str]) -> str:
    """Judge an archive with the issuers that somebody pinned, and say how `verdict.token` stands."""
    keys = _published_keys(server)
    arguments = ["verify", str(directory / "evidence.zip"), "--json", "--policy", server.environment["CONFCHAT_POLICY"]]
    for token in keys["tokens"]:
        if token["name"] in issuers:
            path = directory / f"{token['name']}.json"
            path.write_text(json.dumps(token))
            arguments += ["--token-issuer", str(path)]
    root = hashlib.sha256((server.data_dir / "simulator" / "root.der").read_bytes()).hexdigest()
    output = directory / "found.json"
    with output.open("w") as file, redirect_stdout(file):
        main([*arguments, "--simulator-root", root, "--release-key", keys["release"]["key"]])
    checks = {check["id"]: check["status"] for check in json.loads(output.read_text())["then"]["checks"]}
    return checks["verdict.token"]


@pytest.mark.parametrize("name", ["alibaba", "intel", "partner", "partner-old"])
async def test_one_that_does_not_affirm_keeps_the_session_closed(panel: Panel, name: str) -> None:
    server, services = panel
    service = services[name]
    service.instead = lambda request: Reply.text("who are you", 401) if request.method == "POST" else None
    try:
        with log_in(server.address, "user", server.password) as login:
            async with SessionClient.connected(server.address, login.cookies, user=account_id(login)) as client:
                verdict = await client.ask()
                assert verdict["outcome"] == "contraindicated"
                faults = {entry["verifier"]["name"]: entry["error"] for entry in verdict["others"] if entry["error"]}
                assert faults == {name: {"code": "service_refused"}}
                await client.send_opening(outcome="affirming")
                assert (await client.receive_clear())["code"] == "refused_by_policy"
    finally:
        service.instead = lambda request: None


def test_services_without_tls_or_without_a_description_are_refused(panel: Panel, tmp_path: Path) -> None:
    services = one_of_each()
    addresses = dict.fromkeys(services, "http://elsewhere.example")
    settings = write_settings(tmp_path, services, addresses)
    server = panel[0]
    said = _check(server, settings)
    assert "confchat.E013" in said
    (tmp_path / "verifiers" / "intel.json").unlink()
    assert "confchat.E012" in _check(server, settings)


def _check(server: Server, settings: dict[str, str]) -> str:
    result = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env={**server.environment, **settings},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode != 0
    return result.stderr


async def test_our_own_verifier_serves_from_another_process_over_tls(panel: Panel, tmp_path: Path) -> None:
    server, _ = panel
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    write_certificate(certificate, key)
    address = f"127.0.0.1:{free_port()}"
    release_key = (await asyncio.to_thread(_published_keys, server))["release"]["key"]
    with _serving(
        *("--listen", address, "--key", str(tmp_path / "keys" / "token.p256"), "--release-key", release_key),
        *("--releases", str(server.data_dir / "releases"), "--simulator", str(server.data_dir / "simulator")),
        *("--tls-certificate", str(certificate), "--tls-key", str(key)),
    ) as output:
        assert "policies: development, default" in output.read_text()
        file = tmp_path / "verifiers" / "independent.json"
        url = f"https://{address}"
        pin = ["pin", "trustee", url, "--file", str(file), "--keys", f"{url}/jwks", "--authorities", str(certificate)]
        names = ["--issuer", "urn:confchat:attestation-service", "--audience", "urn:confchat:relying-party"]
        # Asking does not block the loop that it is asked from: the command runs its own.
        assert await asyncio.to_thread(services_main, [*pin, *names, "--policy", "development"]) == 0
        verifier = build_verifier(read_description(file), clock=utc_now, quote=None)
        with Site(server.address) as site:
            evidence = (await asyncio.to_thread(site.ask_evidence, bytes(32))).evidence
        verdict = await verifier.verify(evidence, report_data=report_data(evidence.statement))
        assert (verdict.error_code, verdict.verifier.name) == (None, "independent")
        await verifier.aclose()


@contextmanager
def _serving(*arguments: str) -> Iterator[Path]:
    """Run `python -m attestation.services serve` until it says that it serves."""
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "output.txt"
        with output.open("wb") as file:
            command = [sys.executable, "-m", "attestation.services", "serve", *arguments]
            process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        try:
            wait_for_line(process, output, "It signs as", timeout_s=30)
            address = arguments[arguments.index("--listen") + 1]
            _until_it_accepts(address)
            yield output
        finally:
            process.terminate()
            process.wait(20)


def _until_it_accepts(address: str) -> None:
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return

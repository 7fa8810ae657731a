"""This installation before a key broker: `kbs_check` on real sockets, and the broker for development."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from django.core.management import CommandError, call_command
from pytest_django import Settings

from attestation.errors import ConfigurationError
from attestation.kbs import ProtocolVersion
from attestation.kbs.devbroker import LIES, SecretFiles, create_application
from attestation.kbs.devbroker.application import Change
from attestation.kbs.devbroker.lies import refuse_with
from confchat.checks import check_deployment, check_settings
from confchat.event_log_file import EventLogFile
from confchat.key_broker import read_broker
from tests.attestation.kbs_scene import BOTH, BrokerScene
from tests.attestation.test_caller import write_certificate
from tests.product import ROOT, free_port, inherited_environment
from tests.simulator_process import running as running_simulator

URI = "kbs:///default/aliyun/model-key"
SECRET = "canary-of-a-model-key"


@contextmanager
def serving(
    change: Change | None = None, *, protocols: tuple[ProtocolVersion, ...] = BOTH, **tls: Any
) -> Iterator[int]:
    """Serve a broker on a port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    application = create_application(BrokerScene(protocols=protocols).broker, change=change)
    config = uvicorn.Config(application, lifespan="off", log_level="critical", timeout_graceful_shutdown=1, **tls)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]))
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def check(*arguments: str) -> tuple[int, Any]:
    """Run `kbs_check`; returns its exit code and what it said."""
    said = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("kbs_check", *arguments, "--json", stdout=said)
    members = json.loads(said.getvalue())
    assert members["exit_code"] == ended.value.code
    return members["exit_code"], members["steps"]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str, str]]:
    """A broker behind TLS with a certificate of its own making: port, certificate's file, pin."""
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    pin = write_certificate(certificate, key)
    with serving(ssl_certfile=certificate, ssl_keyfile=key) as port:
        yield port, str(certificate), pin.hex()


def test_a_broker_that_speaks_both_protocols_is_good(tls: tuple[int, str, str]) -> None:
    port, certificate, pin = tls
    code, steps = check(f"https://127.0.0.1:{port}", "--authorities", certificate, "--tls-pin", pin)
    assert (code, [step["name"] for step in steps]) == (0, ["protocol 0.4.0", "protocol 0.1.0"])
    assert all(step["ok"] for step in steps)


@pytest.mark.parametrize("way", ["no authority", "other pin"])
def test_another_certificate_is_said_to_be_another(tls: tuple[int, str, str], way: str) -> None:
    port, certificate, _ = tls
    more = ["--authorities", certificate, "--tls-pin", "00" * 32] if way == "other pin" else []
    code, (step,) = check(f"https://127.0.0.1:{port}", *more)
    assert (code, step["code"]) == (3, "kbs_certificate")


def test_tls_and_no_tls_are_told_apart(tls: tuple[int, str, str]) -> None:
    port, *_ = tls
    assert check(f"http://127.0.0.1:{port}")[0] == 3
    with serving() as plain:
        code, (step,) = check(f"https://127.0.0.1:{plain}")
    assert (code, step["code"]) == (3, "kbs_unavailable")
    assert "speaks no TLS" in step["words"]


def test_the_other_protocol_is_no_fault() -> None:
    with serving(protocols=("0.1.0",)) as port:
        code, (newer, older) = check(f"http://127.0.0.1:{port}")
    assert (code, newer["code"], older["ok"]) == (0, "kbs_version", True)
    assert newer["words"] == "It speaks another version."


def test_nobody_is_said_to_be_nobody() -> None:
    code, (step,) = check(f"http://127.0.0.1:{free_port()}")
    assert (code, step["code"]) == (3, "kbs_unavailable")


@pytest.mark.parametrize(
    ("change", "code", "exit_code"),
    [
        (refuse_with("FailedAuthentication", "x", endpoint="auth"), "kbs_authentication", 1),
        (LIES["auth-page"].change, "kbs_protocol", 3),
        (LIES["cookie-past"].change, "kbs_protocol", 3),
    ],
)
def test_what_is_wrong_with_a_broker_is_said(change: Change, code: str, exit_code: int) -> None:
    with serving(change) as port:
        found, steps = check(f"http://127.0.0.1:{port}")
    assert (found, steps[0]["code"]) == (exit_code, code)


@pytest.mark.parametrize(
    "arguments",
    [
        ["http://broker.example"],
        ["https://broker.example", "--tls-pin", "zz"],
        ["https://broker.example", "--resource", "kbs:///a/b"],
        ["not an address"],
    ],
)
def test_what_cannot_be_asked_is_a_word_to_the_operator(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("kbs_check", *arguments)
    assert caught.value.returncode == 2


def test_plain_http_to_another_machine_has_an_unsafe_name(settings: Settings) -> None:
    members = {
        "url": "http://broker.example",
        "protocol": "auto",
        "key": "EC",
        "authorities": None,
        "tls_pins": ["ab" * 32],
        "timeout_s": 15,
    }
    with pytest.raises(ConfigurationError, match="without TLS"):
        read_broker(members)
    settings.CONFCHAT_UNSAFE_KBS_HTTP = True
    assert read_broker(members).tls_pins == (b"\xab" * 32,)
    assert "confchat.W005" in {message.id for message in check_settings(None)}
    assert any("CONFCHAT_UNSAFE_KBS_HTTP" in message.msg for message in check_deployment(None))


@pytest.mark.parametrize("name", ["url", "protocol", "key", "authorities", "tls_pins", "timeout_s"])
def test_a_broker_of_another_form_is_refused(name: str) -> None:
    members: dict[str, Any] = {
        "url": "https://broker.example",
        "protocol": "0.1.0",
        "key": "RSA",
        "authorities": None,
        "tls_pins": [],
        "timeout_s": 15,
    }
    read_broker(members)
    with pytest.raises(ConfigurationError):
        read_broker({**members, name: 10_000})


def test_the_log_that_explains_a_register_is_found_without_writing(tmp_path: Path) -> None:
    log = EventLogFile(tmp_path / "events.aael")
    assert log.explain(bytes(48)) is None
    assert not list(tmp_path.iterdir())
    lines = log.read(bytes(48))
    for line in ("confchat start one", "confchat start two"):
        log.add(lines, line)
        lines.add(line)
    values = list(lines.values)
    texts = [log.explain(value) for value in values]
    assert [None if text is None else text.count("\n") for text in texts] == [None, 2, 3]
    assert log.explain(b"\x01" * 48) is None
    assert (tmp_path / "events.aael").read_text() == texts[2]


def test_files_are_secrets_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "model-key").write_bytes(b"a secret\n")
    (tmp_path / "empty").touch()
    (tmp_path / ".hidden").write_bytes(b"x")
    secrets = SecretFiles(tmp_path)
    assert secrets["model-key"] == b"a secret\n"
    assert list(secrets) == ["empty", "model-key"]
    for name in ("empty", "missing", ".hidden", "..", "a/b"):
        assert secrets.get(name) is None


def test_the_broker_protects_nothing_and_serves_nobody_else(settings: Settings) -> None:
    with pytest.raises(CommandError, match="without --tls"):
        call_command("kbs_devserver", "--listen", "0.0.0.0:1", stdout=StringIO())
    settings.CONFCHAT_DEVELOPMENT = False
    with pytest.raises(CommandError, match="CONFCHAT_DEVELOPMENT"):
        call_command("kbs_devserver", stdout=StringIO())


@dataclass(frozen=True)
class Installation:
    """An installation with its simulator, and a broker that judges it."""

    environment: dict[str, str]
    url: str

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, check=False, capture_output=True, text=True, timeout=60
        )


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    port = free_port()
    environment = {
        **inherited_environment(),
        "CONFCHAT_DATA_DIR": str(tmp_path / "data"),
        "CONFCHAT_DEVELOPMENT": "1",
        "CONFCHAT_TDX": "simulator",
    }
    found = Installation(environment, f"http://127.0.0.1:{port}")
    assert found.manage("setup").returncode == 0
    (tmp_path / "data" / "broker").mkdir(mode=0o700)
    (tmp_path / "data" / "broker" / "model-key").write_text(SECRET)
    command = [sys.executable, "manage.py", "kbs_devserver", "--listen", f"127.0.0.1:{port}"]
    with running_simulator(tmp_path / "data" / "simulator"):
        broker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        assert broker.stdout is not None
        assert "Key broker" in broker.stdout.readline()
        try:
            yield found
        finally:
            broker.terminate()
            said, _ = broker.communicate(timeout=20)
            assert SECRET not in said


def test_a_secret_comes_to_the_simulated_machine_and_not_to_another(installation: Installation) -> None:
    good = installation.manage("kbs_check", installation.url, "--resource", URI)
    assert good.returncode == 0, good.stdout + good.stderr
    assert f"secret {URI}: yes" in good.stdout
    assert SECRET not in good.stdout + good.stderr
    installation.manage("simulator", "debug")
    bad = installation.manage("kbs_check", installation.url, "--resource", URI, "--protocol", "0.1.0")
    assert (bad.returncode, "kbs_policy" in bad.stdout) == (1, True), bad.stdout + bad.stderr

"""An encrypted model is opened on an attested machine alone, and no disk holds its key or a byte of it in clear."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from attestation.encoding import b64encode
from attestation.errors import ConfigurationError
from confchat.model_opening import can_mount, file_system_of, require_private
from confchat.model_records import read_record, read_records
from confchat.vault.encrypting import Owner, encrypt_files
from confchat.vault.errors import SourceError
from confchat.vault.writer import Encryption, SourceFile
from tests.product import ROOT, free_port, inherited_environment
from tests.simulator_process import running as running_simulator

KEY = b"kJ7-canary-of-a-key-Zq3x9vWm"
WEIGHTS = os.urandom(200_000)
SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WAYS = ("decrypt", "mount") if can_mount() else ("decrypt",)
IMAGE_BYTES = 96 * 1024 * 1024


def can_loop() -> bool:
    return os.geteuid() == 0 and shutil.which("mkfs.ext4") is not None and Path("/dev/loop-control").exists()


def wait_until_listening(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "the broker did not start"
            time.sleep(0.05)
        else:
            return


def encrypt(directory: Path, target: Path) -> None:
    """Encrypt a model where it is trusted."""
    sources = []
    for name, data in {"config.json": b'{"canary": "of a configuration"}', "model.safetensors": WEIGHTS}.items():
        (directory / name).write_bytes(data)
        sources.append(SourceFile(path=PurePosixPath(name), file=directory / name))
    encryption = Encryption(password=KEY, randomness=os.urandom)
    encrypt_files(sources, target, encryption=encryption, owner=Owner(signing_key=SIGNING_KEY, now=1))


@dataclass(frozen=True)
class Machine:
    """A machine whose every writable path but memory is on one image of a disk."""

    disk: Path
    image: Path
    memory: Path
    environment: dict[str, str]
    secrets: Path

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**self.environment, **environment},
            check=False,
            capture_output=True,
            text=True,
            timeout=90,
        )

    @property
    def source(self) -> Path:
        return self.disk / "model"

    def record(self, url: str, **members: Any) -> None:
        directory = self.disk / "data" / "encrypted-models"
        directory.mkdir(exist_ok=True)
        broker = {"url": url, "protocol": "auto", "key": "EC", "authorities": None, "tls_pins": [], "timeout_s": 10}
        members = {
            "method": "gocryptfs",
            "model": "small",
            "source": str(self.source),
            "owner_key": b64encode(SIGNING_KEY.public_key().public_bytes_raw()),
            "broker": broker,
            "key": "kbs:///default/models/small",
            "mount": str(self.memory / "small"),
            "opening": "decrypt",
            "engine": [],
            "variables": {},
            **members,
        }
        (directory / "small.json").write_text(json.dumps(members))

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.disk / "data" / "model-states" / "small.json").read_text())
        return state

    @contextmanager
    def broker(self, *lie: str) -> Iterator[str]:
        port = free_port()
        command = [sys.executable, "manage.py", "kbs_devserver", "--listen", f"127.0.0.1:{port}"]
        output = (self.secrets.parent / "broker.log").open("wb")
        process = subprocess.Popen(
            [*command, "--secrets", str(self.secrets), *lie], cwd=ROOT, env=self.environment, stdout=output
        )
        output.close()
        try:
            wait_until_listening(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)

    def stays_locked(self, why: str, *lie: str, ways: tuple[str, ...] = ("decrypt",)) -> None:
        """Try to unlock; that must fail with this reason and leave nothing."""
        with self.broker(*lie) as url:
            for way in ways:
                self.record(url, opening=way)
                result = self.manage("model_unlock")
                said = result.stdout + result.stderr
                assert (result.returncode, why in said) == (1, True), said
                assert KEY.decode() not in said
                assert self.state()["state"] == "failed"
                assert why in self.state()["fault"]
                assert not list((self.memory / "small").glob("*"))
        self.has_nothing_in_clear()

    def has_nothing_in_clear(self) -> None:
        os.sync()
        data = self.image.read_bytes()
        for clear in (KEY, WEIGHTS[:64], WEIGHTS[100_000:100_064], WEIGHTS[-64:], b"of a configuration"):
            assert clear not in data


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if not can_loop():
        pytest.skip("needs root, mkfs.ext4 and loop devices: a disk of its own is searched")
    directory = tmp_path_factory.mktemp("machine")
    disk, image, secrets = directory / "disk", directory / "disk.img", directory / "broker"
    for path in (disk, secrets, directory / "plain"):
        path.mkdir(mode=0o700)
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, disk], check=False).returncode != 0:
        pytest.skip("needs loop mounts: a disk of its own is searched")
    memory = Path(tempfile.mkdtemp(prefix="confchat-unlock-", dir="/dev/shm"))
    try:
        (secrets / "small").write_bytes(KEY)
        (disk / "tmp").mkdir()
        encrypt(directory / "plain", disk / "model")
        environment = {
            **inherited_environment(),
            "CONFCHAT_DATA_DIR": str(disk / "data"),
            "CONFCHAT_DEVELOPMENT": "1",
            "CONFCHAT_TDX": "simulator",
            "HOME": str(disk / "tmp"),
            "TMPDIR": str(disk / "tmp"),
        }
        found = Machine(disk, image, memory, environment, secrets)
        assert found.manage("setup").returncode == 0
        with running_simulator(disk / "data" / "simulator"):
            yield found
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
        shutil.rmtree(memory)


@pytest.mark.parametrize("way", ["decrypt", "mount"])
def test_an_attested_machine_opens_the_model_and_closes_it(machine: Machine, way: str) -> None:
    if way == "mount" and not can_mount():
        pytest.skip("needs gocryptfs and /dev/fuse")
    opened = machine.memory / "small"
    with machine.broker() as url:
        machine.record(url, opening=way)
        result = machine.manage("model_unlock", "small")
        assert result.returncode == 0, result.stdout + result.stderr
    try:
        assert (opened / "model.safetensors").read_bytes() == WEIGHTS
        assert (file_system_of(opened) == "fuse.gocryptfs") is (way == "mount")
        state = machine.state()
        assert (state["state"], state["way"], len(state["shown"]["mr_td"])) == ("unlocked", way, 96)
        if way == "mount":
            with pytest.raises(OSError, match="Read-only"):
                (opened / "more").write_text("x")
    finally:
        locked = machine.manage("model_unlock", "--lock", "small")
    assert locked.returncode == 0, locked.stderr
    assert not list(opened.iterdir())
    assert machine.state()["state"] == "locked"
    assert KEY.decode() not in result.stdout + result.stderr + locked.stdout + locked.stderr
    machine.has_nothing_in_clear()


@pytest.mark.parametrize("change", ["revoke", "wrong-release"])
def test_another_machine_gets_no_key(machine: Machine, change: str) -> None:
    machine.manage("simulator", change)
    try:
        machine.stays_locked("kbs_")
    finally:
        machine.manage("simulator", "restore")


@pytest.mark.parametrize(("lie", "why"), [("key-other", "kbs_sealed"), ("alg-weak", "kbs_algorithm")])
def test_a_broker_that_lies_opens_nothing(machine: Machine, lie: str, why: str) -> None:
    machine.stays_locked(why, "--lie", lie)


def test_another_key_opens_nothing(machine: Machine) -> None:
    (machine.secrets / "small").write_bytes(b"another key that is good enough")
    try:
        machine.stays_locked("wrong_key", ways=WAYS)
    finally:
        (machine.secrets / "small").write_bytes(KEY)


@pytest.mark.parametrize("damage", ["cut", "more"])
def test_a_directory_that_was_changed_opens_nothing(machine: Machine, damage: str) -> None:
    contents = machine.source / "contents"
    file = max(contents.iterdir(), key=lambda path: path.stat().st_size)
    whole = file.read_bytes()
    if damage == "cut":
        file.write_bytes(whole[: 18 + 4128])
    else:
        shutil.copy(file, contents / "bW9yZQ")
    try:
        machine.stays_locked("damaged", ways=WAYS if damage == "cut" else ("decrypt",))
    finally:
        (contents / "bW9yZQ").unlink(missing_ok=True)
        file.write_bytes(whole)


def test_what_the_operator_says_is_measured_before_the_broker_is_asked(machine: Machine) -> None:
    try:
        with machine.broker() as url:
            machine.record(url, variables={"REGION": "cn-beijing"})
            result = machine.manage("model_unlock")
        assert "kbs_policy" in result.stderr, "no release names this line"
        assert 'operator variables {"model": "small"' in (machine.disk / "data" / "events.aael").read_text()
    finally:
        machine.manage("simulator", "reboot")


def test_a_manifest_of_another_owner_is_refused_before_anybody_is_asked(machine: Machine) -> None:
    machine.record("http://127.0.0.1:1", owner_key=b64encode(bytes(32)))
    result = machine.manage("model_unlock")
    assert (result.returncode, "damaged" in result.stderr) == (1, True)


def test_nothing_is_decrypted_onto_a_disk(tmp_path: Path) -> None:
    if file_system_of(tmp_path) in ("tmpfs", "ramfs"):
        pytest.skip("the tests' directory is in memory")
    with pytest.raises(SourceError, match="on a disk"):
        require_private(tmp_path, needed=0)
    with pytest.raises(SourceError, match=r"swaps|bytes free"):
        require_private(Path("/dev/shm"), needed=2**60)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "sam"),
        ("source", "relative"),
        ("mount", "/run/../etc"),
        ("owner_key", "short"),
        ("key", "http://elsewhere/"),
        ("opening", "somehow"),
        ("engine", "vllm"),
        ("variables", {"A B": "c"}),
        ("variables", {"A": 1}),
        ("broker", {"url": "http://broker.example"}),
        ("more", 1),
    ],
)
def test_a_record_of_another_form_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    broker = {
        "url": "https://b.example",
        "protocol": "auto",
        "key": "EC",
        "authorities": None,
        "tls_pins": [],
        "timeout_s": 5,
    }
    members = {
        "method": "gocryptfs",
        "model": "m",
        "source": "/srv/m",
        "owner_key": b64encode(bytes(32)),
        "broker": broker,
        "key": "kbs:///default/aliyun/m",
        "mount": "/run/m",
        "opening": "auto",
        "engine": ["vllm", "serve", "{mount}"],
        "variables": {},
    }
    path = tmp_path / "m.json"
    path.write_text(json.dumps(members))
    assert read_record(path).command == ["vllm", "serve", "/run/m"]
    assert [record.name for record in read_records(tmp_path)] == ["m"]
    path.write_text(json.dumps({**members, name: value}))
    with pytest.raises(ConfigurationError, match=r"m\.json"):
        read_record(path)

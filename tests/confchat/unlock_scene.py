"""A machine whose every writable path but memory is on one image of a disk, and the key broker that it asks."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pytest_django import Settings

from attestation import this_machine
from attestation.encoding import b64encode
from confchat.model_records import ModelRecord, read_record
from confchat.model_states import UnlockError
from confchat.model_unlock import Unlocking, unlocking_of_installation
from confchat.vault.encrypting import Owner, encrypt_files
from confchat.vault.writer import Encryption, SourceFile
from tests.product import ROOT, free_port, inherited_environment
from tests.simulator_process import running as running_simulator

KEY = b"kJ7-canary-of-a-key-Zq3x9vWm"
WEIGHTS = os.urandom(200_000)
SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OWNER_KEY = b64encode(SIGNING_KEY.public_key().public_bytes_raw())
IMAGE_BYTES = 32 * 1024 * 1024


def can_loop() -> bool:
    return os.geteuid() == 0 and shutil.which("mkfs.ext4") is not None and Path("/dev/loop-control").exists()


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def encrypt(directory: Path, target: Path) -> None:
    """Encrypt a model where it is trusted."""
    sources = []
    for name, data in {"config.json": b'{"canary": "of a configuration"}', "model.safetensors": WEIGHTS}.items():
        (directory / name).write_bytes(data)
        sources.append(SourceFile(path=PurePosixPath(name), file=directory / name))
    encryption = Encryption(password=KEY, randomness=os.urandom)
    encrypt_files(sources, target, encryption=encryption, owner=Owner(signing_key=SIGNING_KEY, now=1))


def members_of(url: str, source: Path, mount: Path, **members: Any) -> dict[str, Any]:
    """Return a record of a model."""
    return {
        "method": "gocryptfs",
        "model": "small",
        "source": str(source),
        "owner_key": OWNER_KEY,
        "broker": {
            "url": url,
            "protocol": "auto",
            "key": "EC",
            "authorities": None,
            "tls_pins": [],
            "timeout_s": 10,
        },
        "key": "kbs:///default/models/small",
        "mount": str(mount),
        "opening": "decrypt",
        "engine": [],
        "variables": {},
        **members,
    }


@dataclass(frozen=True)
class Machine:
    """The machine, with a broker that tells the truth."""

    disk: Path
    image: Path
    memory: Path
    environment: dict[str, str]
    secrets: Path
    honest: str = ""

    @property
    def data(self) -> Path:
        return self.disk / "data"

    @property
    def source(self) -> Path:
        return self.disk / "model"

    @property
    def opened(self) -> Path:
        return self.memory / "small"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "manage.py", *arguments]

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=90,
        )

    def is_these_settings(self, settings: Settings) -> None:
        """Let what runs in the tests' own process be this installation."""
        settings.CONFCHAT_DATA_DIR = self.data
        settings.CONFCHAT_SIMULATOR_DIR = self.data / "simulator"
        settings.CONFCHAT_MODEL_RECORDS = self.data / "encrypted-models"
        settings.CONFCHAT_TDX = "simulator"

    def unlocking(self) -> Unlocking:
        return unlocking_of_installation(this_machine.attester())

    def record(self, **members: Any) -> ModelRecord:
        directory = self.data / "encrypted-models"
        directory.mkdir(exist_ok=True)
        path = directory / "small.json"
        path.write_text(json.dumps(members_of(members.pop("url", self.honest), self.source, self.opened, **members)))
        return read_record(path)

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.data / "model-states" / "small.json").read_text())
        return state

    @contextmanager
    def broker(self, *lie: str) -> Iterator[str]:
        port = free_port()
        command = self.command("kbs_devserver", "--listen", f"127.0.0.1:{port}", "--secrets", str(self.secrets))
        output = (self.secrets.parent / "broker.log").open("wb")
        process = subprocess.Popen([*command, *lie], cwd=ROOT, env=self.environment, stdout=output)
        output.close()
        try:
            wait_until(lambda: is_listening(port), "the broker did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)

    def stays_locked(
        self, why: str, caplog: pytest.LogCaptureFixture, *, ways: tuple[str, ...] = ("decrypt",), **members: Any
    ) -> None:
        """Try to unlock; that must fail with this reason and leave nothing."""
        caplog.set_level(logging.DEBUG)
        for way in ways:
            with pytest.raises(UnlockError, match=why) as refused:
                self.unlocking().unlock(self.record(opening=way, **members))
            assert self.state()["state"] == "failed"
            assert why in self.state()["fault"]
            assert not list(self.opened.glob("*"))
            assert KEY.decode() not in caplog.text + str(refused.value)
        self.has_nothing_in_clear()

    def has_nothing_in_clear(self) -> None:
        subprocess.run(["sync", "-f", self.disk], check=True)
        data = self.image.read_bytes()
        for clear in (KEY, WEIGHTS[:64], WEIGHTS[100_000:100_064], WEIGHTS[-64:], b"of a configuration"):
            assert clear not in data


@contextmanager
def running_machine(directory: Path) -> Iterator[Machine]:
    """Mount the disk, set the machine up, and start its simulator and its broker."""
    if not can_loop():
        pytest.skip("needs root, mkfs.ext4 and loop devices: a disk of its own is searched")
    disk, image, secrets = directory / "disk", directory / "disk.img", directory / "broker"
    for path in (disk, secrets, directory / "plain"):
        path.mkdir(mode=0o700)
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, disk], check=False).returncode != 0:
        pytest.skip("needs loop mounts: a disk of its own is searched")
    memory = Path(tempfile.mkdtemp(prefix="confchat-unlock-", dir="/dev/shm"))
    environment = {
        **inherited_environment(),
        "CONFCHAT_DATA_DIR": str(disk / "data"),
        "CONFCHAT_DEVELOPMENT": "1",
        "CONFCHAT_TDX": "simulator",
        "HOME": str(disk / "tmp"),
        "TMPDIR": str(disk / "tmp"),
    }
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, memory)
        stack.callback(subprocess.run, ["umount", "-l", disk], check=True)
        (secrets / "small").write_bytes(KEY)
        (disk / "tmp").mkdir()
        encrypt(directory / "plain", disk / "model")
        machine = Machine(disk, image, memory, environment, secrets)
        setup = machine.manage("setup")
        assert setup.returncode == 0, setup.stderr
        stack.enter_context(running_simulator(machine.data / "simulator"))
        honest = stack.enter_context(machine.broker())
        yield Machine(disk, image, memory, environment, secrets, honest)

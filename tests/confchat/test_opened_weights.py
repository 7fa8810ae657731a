"""Who chats is told how the weights were opened: what the server says of it, and what the machine's report proves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from attestation.kbs import Secret
from confchat.model_opening import can_mount, close_model, mount_model
from confchat.model_records import read_record
from confchat.vault.encrypting import Owner, encrypt_files
from confchat.vault.model_directory import read_manifest
from confchat.vault.sources import find_source
from confchat.vault.writer import Encryption
from tests.confchat.unlock_scene import KEY, OWNER_KEY, SIGNING_KEY, is_listening, members_of, wait_until
from tests.product import MODELS, ROOT, Server, free_port, running_server
from tests.session_client import SessionClient, account_id, log_in

NAME = "smollm2:135m"
VARIABLES = {"REGION": "cn-beijing", "Tenant_1": "two words, and 名前"}


@pytest.fixture(scope="module")
def opened_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the product with a model that was encrypted, and opened with a key from a broker."""
    if not MODELS.is_dir():
        pytest.skip("no embedded model: make var/models/.unpacked")
    if not can_mount():
        pytest.skip("needs gocryptfs and /dev/fuse")
    directory = tmp_path_factory.mktemp("opened")
    data, secrets, source = directory / "data", directory / "broker", directory / "small"
    memory = Path(tempfile.mkdtemp(prefix="confchat-opened-", dir="/dev/shm"))
    port = free_port()
    for path in (data, data / "encrypted-models", secrets):
        path.mkdir(mode=0o700)
    (secrets / "small").write_bytes(KEY)
    (data / "models").symlink_to(memory)
    write_record(data / "encrypted-models" / "small.json", source, memory, url=f"http://127.0.0.1:{port}")
    # A development release names the models that are there when the product starts, with which the simulated machine
    # starts as well: so the model is there once before it is opened as it should be.
    mount_model(source, memory, secret_of(KEY))
    try:
        with running_server(data) as server:
            close_model(memory, was="mount")
            with running_broker(server, port, secrets):
                server.manage("model_unlock")
            yield server
            server.manage("model_unlock", "--lock")
    finally:
        close_model(memory, was="mount")
        memory.rmdir()


@contextmanager
def running_broker(server: Server, port: int, secrets: Path) -> Iterator[None]:
    command = [sys.executable, "manage.py", "kbs_devserver", "--listen", f"127.0.0.1:{port}", "--secrets", str(secrets)]
    with subprocess.Popen(command, cwd=ROOT, env=server.environment, stdout=subprocess.DEVNULL) as broker:
        try:
            wait_until(lambda: is_listening(port), "the broker did not start")
            yield
        finally:
            broker.terminate()


def secret_of(key: bytes) -> Secret:
    secret = Secret(len(key))
    secret.view[:] = key
    return secret


def write_record(path: Path, source: Path, mount: Path, *, url: str) -> None:
    """Encrypt the small model, and write its record."""
    sources = find_source(NAME, ollama_models=MODELS)
    encryption = Encryption(password=KEY, randomness=os.urandom)
    encrypt_files(sources, source, encryption=encryption, owner=Owner(signing_key=SIGNING_KEY, now=1))
    manifest = read_manifest(source, owner_key=SIGNING_KEY.public_key().public_bytes_raw()).digest
    members = members_of(url, source, mount, model=NAME, opening="mount", manifest=manifest, variables=VARIABLES)
    path.write_text(json.dumps(members))


async def test_a_user_is_told_how_the_weights_were_opened_and_the_report_proves_it(opened_server: Server) -> None:
    with log_in(opened_server.address, "user", opened_server.password) as login:
        user = account_id(login)
        async with SessionClient.connected(opened_server.address, login.cookies, user=user) as client:
            verdict = await client.ask()
            await client.open()
            (model,) = (await client.call("model.list"))["models"]
            started = await client.ask_model("Say hello.", tokens=8)
            assert started["type"] == "chat.started"
    record = read_record(opened_server.data_dir / "encrypted-models" / "small.json")
    opened = model["opened"]
    assert 0 <= time.time() - opened.pop("at") < 600
    assert opened == {
        "way": "mount",
        "broker": record.broker.url,
        "owner_key": OWNER_KEY,
        "manifest": record.manifest,
        "policies": ["default"],
    }
    checks = {check["id"]: check["status"] for check in verdict["checks"]}
    assert (verdict["outcome"], checks["td.workload"]) == ("affirming", "pass")
    lines = client.evidence["event_log"]["aael"].splitlines()
    said, opening = lines.index(record.variables_event), lines.index(record.opening_event)
    assert said < opening, "what the broker was told is measured before its key is used"


async def test_a_model_that_lies_there_in_clear_is_said_to(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    assert [model["opened"] for model in (await client.call("model.list"))["models"]] == [None]

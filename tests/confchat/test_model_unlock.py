"""An encrypted model is opened on an attested machine alone, and no disk holds its key or a byte of it in clear."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from pytest_django import Settings

from attestation.simulator.changes import apply_change
from confchat.model_keeping import ModelKeeper
from confchat.model_locking import lock_all, lock_model
from confchat.model_opening import can_mount, file_system_of, require_private
from confchat.model_states import states_of_installation
from confchat.vault.errors import SourceError
from tests.confchat.ollama_stand_in import StandIn, serve
from tests.confchat.unlock_scene import KEY, WEIGHTS, Machine, is_listening, running_machine, wait_until
from tests.product import ROOT, free_port

WAYS = ("decrypt", "mount") if can_mount() else ("decrypt",)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with running_machine(tmp_path_factory.mktemp("machine")) as machine:
        yield machine


@pytest.fixture
def machine(installed: Machine, settings: Settings) -> Machine:
    installed.is_these_settings(settings)
    return installed


@pytest.mark.parametrize("way", ["decrypt", "mount"])
def test_an_attested_machine_opens_the_model_and_closes_it(
    machine: Machine, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    if way == "mount" and not can_mount():
        pytest.skip("needs gocryptfs and /dev/fuse")
    caplog.set_level(logging.DEBUG)
    record = machine.record(opening=way)
    machine.unlocking().unlock(record)
    try:
        assert (machine.opened / "model.safetensors").read_bytes() == WEIGHTS
        assert (file_system_of(machine.opened) == "fuse.gocryptfs") is (way == "mount")
        state = machine.state()
        assert (state["state"], state["way"], len(state["shown"]["mr_td"])) == ("unlocked", way, 96)
        if way == "mount":
            with pytest.raises(OSError, match="Read-only"):
                (machine.opened / "more").write_text("x")
    finally:
        lock_model(record, states_of_installation(), why="")
    assert not list(machine.opened.iterdir())
    assert machine.state()["state"] == "locked"
    assert KEY.decode() not in caplog.text
    machine.has_nothing_in_clear()


@pytest.mark.parametrize("change", ["revoke", "wrong-release"])
def test_another_machine_gets_no_key(machine: Machine, change: str, caplog: pytest.LogCaptureFixture) -> None:
    apply_change(machine.data / "simulator", change)
    try:
        machine.stays_locked("kbs_", caplog)
    finally:
        apply_change(machine.data / "simulator", "restore")


def test_a_broker_that_lies_opens_nothing(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    with machine.broker("--lie", "key-other") as url:
        machine.stays_locked("kbs_sealed", caplog, url=url)


def test_another_key_opens_nothing(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    (machine.secrets / "small").write_bytes(b"another key that is good enough")
    try:
        machine.stays_locked("wrong_key", caplog, ways=WAYS)
    finally:
        (machine.secrets / "small").write_bytes(KEY)


@pytest.mark.parametrize("damage", ["cut", "more"])
def test_a_directory_that_was_changed_opens_nothing(
    machine: Machine, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    contents = machine.source / "contents"
    file = max(contents.iterdir(), key=lambda path: path.stat().st_size)
    whole = file.read_bytes()
    if damage == "cut":
        file.write_bytes(whole[: 18 + 4128])
    else:
        shutil.copy(file, contents / "bW9yZQ")
    try:
        machine.stays_locked("damaged", caplog, ways=WAYS)
        assert "showing evidence" not in caplog.text, "nobody was asked for a key"
    finally:
        (contents / "bW9yZQ").unlink(missing_ok=True)
        file.write_bytes(whole)


def test_what_the_operator_says_is_measured_before_the_broker_is_asked(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        machine.stays_locked("kbs_policy", caplog, variables={"REGION": "cn-beijing"})  # no release names this line
        assert 'operator variables {"model": "small"' in (machine.data / "events.aael").read_text()
    finally:
        apply_change(machine.data / "simulator", "reboot")


def test_a_manifest_of_another_owner_is_refused_before_anybody_is_asked(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.stays_locked("damaged", caplog, url="http://127.0.0.1:1", owner_key="A" * 43)


def test_an_older_model_of_the_same_owner_and_key_is_refused_before_anybody_is_asked(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = f"sha256:{hashlib.sha256((machine.source / 'manifest.json').read_bytes()).hexdigest()}"
    machine.stays_locked("other_model", caplog, url="http://127.0.0.1:1", manifest=f"sha256:{'0' * 64}")
    assert manifest in machine.state()["fault"], "which one lies there"
    machine.stays_locked("kbs_unavailable", caplog, url="http://127.0.0.1:1", manifest=manifest)


def test_nothing_is_decrypted_onto_a_disk(tmp_path: Path) -> None:
    if file_system_of(tmp_path) in ("tmpfs", "ramfs"):
        pytest.skip("the tests' directory is in memory")
    with pytest.raises(SourceError, match="on a disk"):
        require_private(tmp_path, needed=0)
    with pytest.raises(SourceError, match=r"swaps|bytes free"):
        require_private(Path("/dev/shm"), needed=2**60)


async def kept(machine: Machine, *, interval_s: float = 600.0) -> tuple[ModelKeeper, asyncio.Task[None]]:
    """Unlock the model, and let somebody keep it who can be asked to lock it."""
    unlocking, record = machine.unlocking(), machine.record()
    await asyncio.to_thread(unlocking.unlock, record)
    keeper = ModelKeeper(unlocking, [record], interval_s=interval_s)
    keeping = asyncio.create_task(keeper.run())
    while not unlocking.states.socket("small").exists():
        assert not keeping.done()
        await asyncio.sleep(0.01)
    return keeper, keeping


async def test_a_model_is_locked_when_its_broker_would_not_give_the_key_again(machine: Machine) -> None:
    keeper, keeping = await kept(machine, interval_s=0.2)
    first = machine.state()["confirmed_at"]
    async with asyncio.timeout(60):
        while machine.state()["confirmed_at"] == first:
            await asyncio.sleep(0.05)
        assert (machine.opened / "model.safetensors").exists()
        await asyncio.to_thread(apply_change, machine.data / "simulator", "revoke")
        try:
            await keeping
        finally:
            await asyncio.to_thread(apply_change, machine.data / "simulator", "restore")
    assert keeper.has_failed
    assert not list(machine.opened.iterdir())
    assert (machine.state()["state"], machine.state()["fault"][:4]) == ("locked", "kbs_")
    machine.has_nothing_in_clear()


async def test_a_broker_that_nobody_reaches_is_waited_for_and_not_for_ever(machine: Machine) -> None:
    unlocking, record = machine.unlocking(), machine.record()
    await asyncio.to_thread(unlocking.unlock, record)
    times = iter([700.0, 700.0, 4 * 600.0, 4 * 600.0])
    later = replace(unlocking, clock=lambda: time.time() + next(times, 9999.0))
    keeper = ModelKeeper(later, [machine.record(url="http://127.0.0.1:1")], interval_s=600.0)
    await keeper.look()
    assert machine.state()["state"] == "unlocked"
    await keeper.look()
    assert (machine.state()["state"], machine.state()["fault"][:15]) == ("locked", "kbs_unavailable")
    assert not list(machine.opened.iterdir())


async def test_the_watch_has_a_model_locked_by_whoever_keeps_it(machine: Machine) -> None:
    keeper, keeping = await kept(machine)
    await asyncio.to_thread(lock_all, why="this machine's attestation failed")
    await keeping
    assert not keeper.has_failed
    assert not list(machine.opened.iterdir())
    assert (machine.state()["state"], machine.state()["fault"]) == ("locked", "this machine's attestation failed")


async def test_ollama_is_told_to_forget_a_model_that_is_locked(machine: Machine, settings: Settings) -> None:
    record = machine.record()
    await asyncio.to_thread(machine.unlocking().unlock, record)
    async with serve(StandIn(pieces=[b'{"done_reason": "unload"}'])) as ollama:
        settings.CONFCHAT_OLLAMA_HOST = ollama.host
        await asyncio.to_thread(lock_model, record, states_of_installation(), why="")
    assert ollama.asked == [{"model": "small:latest", "messages": [], "keep_alive": 0, "stream": False}]
    assert not list(machine.opened.iterdir())


@pytest.mark.parametrize("end", ["request", "signal", "engine"])
def test_the_command_serves_a_model_until_it_is_to_be_locked(machine: Machine, end: str) -> None:
    served = "import http.server as s; s.test(s.SimpleHTTPRequestHandler, port=%d, bind='127.0.0.1')"
    port = free_port()
    machine.record(engine=[sys.executable, "-c", f"import os; os.chdir('{{mount}}'); {served % port}"])
    command = machine.command("model_unlock", "--serve", "small")
    with subprocess.Popen(command, cwd=ROOT, env=machine.environment, stderr=subprocess.PIPE, text=True) as keeping:
        wait_until(lambda: is_listening(port) or keeping.poll() is not None, "no engine")
        assert httpx.get(f"http://127.0.0.1:{port}/model.safetensors", trust_env=False).content == WEIGHTS
        if end == "request":
            assert machine.manage("model_unlock", "--lock", "small").returncode == 0
        elif end == "signal":
            keeping.terminate()
        else:
            engine = next(
                int(each) for each in Path(f"/proc/{keeping.pid}/task/{keeping.pid}/children").read_text().split()
            )
            os.kill(engine, signal.SIGKILL)
        assert keeping.wait(60) == (1 if end == "engine" else 0)
        assert keeping.stderr is not None
        assert KEY.decode() not in keeping.stderr.read()
    assert not is_listening(port)
    assert not list(machine.opened.iterdir())
    reasons = {"request": "", "signal": "whoever kept it open was ended", "engine": "its engine ended"}
    assert (machine.state()["state"], machine.state()["fault"]) == ("locked", reasons[end])
    machine.has_nothing_in_clear()

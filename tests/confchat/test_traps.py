"""What would carry prompts away is found in the kernel's own words, named, and refused outside development."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings

from confchat.checks import check_machine, check_settings
from confchat.traps import Trap, find_traps, judge_core_pattern, judge_model_server, judge_swaps
from tests.confchat.ollama_stand_in import StandIn, serve
from tests.confchat.test_model_server import LOOPBACK, line, proc

SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
SAFE = {"OLLAMA_NO_CLOUD": "1"}


@pytest.mark.parametrize(
    ("swaps", "exposed"),
    [
        ("", ""),
        (SWAPS, ""),
        (f"{SWAPS}/dev/zram0  partition 1 0 100\n/dev/dm-1 partition 8 0 -2\n", ""),
        (f"{SWAPS}/dev/dm-2 partition 8 0 -2\n", "/dev/dm-2"),
        (f"{SWAPS}/dev/vda2 partition 8 0 -2\n/swapfile file 8 0 -3\n", "/dev/vda2, /swapfile"),
    ],
    ids=["no swaps in this kernel", "none", "zram and dm-crypt", "device-mapper without a cipher", "plain ones"],
)
def test_swap_is_exposed_unless_it_stays_in_memory_or_is_encrypted(swaps: str, exposed: str) -> None:
    ids = {"/dev/dm-1": "CRYPT-PLAIN-swap", "/dev/dm-2": "LVM-abc"}
    found = list(judge_swaps(swaps, lambda device: ids.get(device, "")))
    assert found == ([Trap("swap_exposed", exposed)] if exposed else [])


@pytest.mark.parametrize(
    ("pattern", "piped"),
    [("core\n", ""), ("/dev/null\n", ""), ("", ""), ("|/usr/lib/systemd/systemd-coredump %P\n", "systemd-coredump")],
)
def test_core_dumps_that_are_piped_away_are_named(pattern: str, piped: str) -> None:
    found = [trap.names.rpartition("/")[2] for trap in judge_core_pattern(pattern)]
    assert found == ([piped] if piped else [])


@pytest.mark.parametrize(
    ("environment", "codes"),
    [
        (SAFE, []),
        ({}, ["cloud_allowed"]),
        ({**SAFE, "OLLAMA_DEBUG": "2"}, ["requests_logged"]),
        ({**SAFE, "OLLAMA_DEBUG": "0", "OLLAMA_DEBUG_LOG_REQUESTS": "true"}, ["requests_logged"]),
        ({**SAFE, "OLLAMA_MODELS": "/elsewhere"}, ["models_elsewhere"]),
        ({**SAFE, "OLLAMA_MODELS": "/models/"}, []),
    ],
)
def test_model_server_is_judged_by_how_it_was_started(environment: dict[str, str], codes: list[str]) -> None:
    assert [trap.code for trap in judge_model_server(environment, models=Path("/models"))] == codes


def machine(directory: Path, *, environment: bytes | None) -> Path:
    """Write a /proc with an exposed swap, piped core dumps and a model server at Ollama's port."""
    root = proc(directory / "proc", {7: [1]}, line(LOOPBACK, 1))
    (root / "swaps").write_text(f"{SWAPS}/dev/vda2 partition 8 0 -2\n")
    (root / "sys" / "kernel").mkdir(parents=True)
    (root / "sys" / "kernel" / "core_pattern").write_text("|/usr/bin/dumper\n")
    if environment is not None:
        (root / "7" / "environ").write_bytes(environment)
    return root


def test_traps_of_a_machine_are_found_together(tmp_path: Path, settings: Settings) -> None:
    settings.CONFCHAT_OLLAMA_HOST, settings.CONFCHAT_EMBEDDED_MODEL = "127.0.0.1:11434", False
    found = find_traps(proc=machine(tmp_path, environment=b"OLLAMA_DEBUG=1\0OLLAMA_NO_CLOUD=1\0"), sys=tmp_path)
    assert [trap.code for trap in found] == ["swap_exposed", "core_dumps_piped", "requests_logged"]
    assert "OLLAMA_DEBUG" in found[-1].sentence
    assert "/dev/vda2" in found[0].sentence


@pytest.mark.parametrize("host", ["127.0.0.1:11434", "127.0.0.1:1"])
def test_server_that_cannot_be_looked_at_is_said_to_be_unknown(tmp_path: Path, settings: Settings, host: str) -> None:
    settings.CONFCHAT_OLLAMA_HOST, settings.CONFCHAT_EMBEDDED_MODEL = host, False
    *_, last = find_traps(proc=machine(tmp_path, environment=None), sys=tmp_path)
    assert (last.code, last.is_refused) == ("server_unseen", False)


def test_embedded_model_has_no_such_settings(tmp_path: Path, settings: Settings) -> None:
    settings.CONFCHAT_OLLAMA_HOST, settings.CONFCHAT_EMBEDDED_MODEL = "127.0.0.1:11434", True
    codes = [trap.code for trap in find_traps(proc=machine(tmp_path, environment=b""), sys=tmp_path)]
    assert codes == ["swap_exposed", "core_dumps_piped"]


@pytest.mark.parametrize(("development", "levels"), [(True, [30, 30]), (False, [40, 30])])
def test_traps_are_errors_outside_development_and_warnings_in_it(
    settings: Settings, development: bool, levels: list[int]
) -> None:
    settings.CONFCHAT_DEVELOPMENT = development
    found = check_machine([Trap("swap_exposed", "/dev/vda2"), Trap("core_dumps_piped", "/usr/bin/dumper")])
    assert [message.level for message in found] == levels
    assert "/dev/vda2" in found[0].msg


async def test_check_refuses_a_running_model_server_that_may_use_its_cloud(settings: Settings) -> None:
    """This very process serves the stand-in, and was started without OLLAMA_NO_CLOUD."""
    settings.CONFCHAT_DEVELOPMENT, settings.CONFCHAT_EMBEDDED_MODEL = False, False
    async with serve(StandIn()) as stand_in:
        settings.CONFCHAT_OLLAMA_HOST = stand_in.host
        found = [message for message in check_settings(None) if "OLLAMA_NO_CLOUD" in message.msg]
    assert [message.is_serious() for message in found] == [True]


def test_process_that_leaves_no_core_cannot_be_dumped() -> None:
    program = (
        "import ctypes, resource; from confchat.own_memory import leave_no_core; leave_no_core();"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3))"  # PR_GET_DUMPABLE
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=30)
    assert said.stdout.split() == ["(0,", "0)", "0"]

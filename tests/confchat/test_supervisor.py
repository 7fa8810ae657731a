"""The supervisor, with real child processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from confchat.supervisor import RESTARTS, Program, ProgramError, Supervisor

ROOT = Path(__file__).parents[2]
SAY_READY = "import pathlib, sys, os; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); "
LIVE = SAY_READY + "import time; time.sleep(60)"


def file_exists(path: Path) -> Callable[[], Awaitable[bool]]:
    async def is_ready() -> bool:
        return path.exists() and path.read_text() != ""

    return is_ready


def program(name: str, code: str, path: Path, *, ready_timeout_s: float = 20.0) -> Program:
    return Program(
        name=name,
        command=(sys.executable, "-S", "-c", code, str(path)),
        is_ready=file_exists(path),
        ready_timeout_s=ready_timeout_s,
    )


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_readiness_is_announced_after_every_program_is_ready(tmp_path: Path) -> None:
    programs = [program(name, LIVE, tmp_path / name) for name in ("one", "two")]
    lines: list[str] = []
    supervisor = Supervisor(programs, report=lines.append)

    def when_ready() -> None:
        assert (tmp_path / "one").exists()
        assert (tmp_path / "two").exists()
        os.kill(os.getpid(), signal.SIGTERM)

    await supervisor.run(when_ready=when_ready)
    assert sorted(line.split()[0] for line in lines) == ["one", "two"]
    assert not any(is_running(int((tmp_path / name).read_text())) for name in ("one", "two"))


async def test_a_program_that_ends_before_it_is_ready_ends_all_others(tmp_path: Path) -> None:
    programs = [program("good", LIVE, tmp_path / "good"), program("bad", "raise SystemExit(7)", tmp_path / "bad")]
    with pytest.raises(ProgramError, match="bad ended with status 7"):
        await Supervisor(programs, report=print).run(when_ready=pytest.fail)
    if (tmp_path / "good").exists():
        assert not is_running(int((tmp_path / "good").read_text()))


async def test_a_program_that_is_never_ready_is_not_waited_for_without_end(tmp_path: Path) -> None:
    slow = program("slow", "import time; time.sleep(60)", tmp_path / "slow", ready_timeout_s=0.2)
    with pytest.raises(ProgramError, match="slow was not ready"):
        await Supervisor([slow], report=print).run(when_ready=pytest.fail)


async def test_a_program_that_is_killed_is_started_again(tmp_path: Path) -> None:
    path = tmp_path / "one"
    lines: list[str] = []
    supervisor = Supervisor([program("one", LIVE, path)], report=lines.append, restart_delay_s=0.0)
    ready = asyncio.Event()
    running = asyncio.create_task(supervisor.run(when_ready=ready.set))
    await ready.wait()
    first = int(path.read_text())
    path.unlink()
    os.kill(first, signal.SIGKILL)
    await until(lambda: path.exists() and path.read_text() not in ("", str(first)))
    await until(lambda: len(lines) == 3)
    os.kill(os.getpid(), signal.SIGTERM)
    await running
    assert lines[1] == "one ended with status -9; starting it again"


async def test_a_program_that_dies_again_and_again_is_given_up(tmp_path: Path) -> None:
    brief = program("brief", SAY_READY, tmp_path / "brief")
    lines: list[str] = []
    with pytest.raises(ProgramError, match="again and again"):
        await Supervisor([brief], report=lines.append, restart_delay_s=0.0).run(when_ready=lambda: None)
    assert sum(line.endswith("starting it again") for line in lines) == RESTARTS


def test_programs_end_even_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "one"
    code = f"""
        import asyncio, sys
        from pathlib import Path
        from confchat.supervisor import Program, Supervisor

        async def is_ready():
            return True

        one = Program(name="one", command={(sys.executable, "-S", "-c", LIVE, str(path))!r}, is_ready=is_ready,
                      ready_timeout_s=20.0)
        asyncio.run(Supervisor([one], report=print).run(when_ready=lambda: None))
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, stdout=subprocess.DEVNULL) as parent:
        deadline = time.monotonic() + 20
        while not (path.exists() and path.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        parent.kill()
    child = int(path.read_text())
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(child)

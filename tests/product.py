"""The real product, started as its users start it, in a data directory of its own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "var" / "models"
PASSWORD = "a password only for tests"
READY = "ConfChat is ready"
START_TIMEOUT_S = 60.0
END_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Server:
    """A running installation; its three first accounts share `password`."""

    address: str
    data_dir: Path
    environment: Mapping[str, str]
    output: Path
    process: subprocess.Popen[bytes]
    password: str = PASSWORD

    def manage(self, *arguments: str) -> str:
        """Run a management command in this installation and return what it says."""
        result = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return result.stdout

    def new_account(self, prefix: str, *, is_admin: bool = False) -> str:
        """Make an account that no other test uses, with this installation's password; return its name."""
        name = f"{prefix}-{uuid.uuid4()}"
        make = "create_superuser" if is_admin else "create_user"
        code = f"get_user_model().objects.{make}({name!r}, password={self.password!r})"
        self.manage("shell", "-c", f"from django.contrib.auth import get_user_model\n{code}")
        return name

    def pid_of(self, program: str) -> int:
        """Return the process id of one of the product's programs, found by a word of its command line."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return next(int(pid) for pid in children if program in Path(f"/proc/{pid}/cmdline").read_text())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def inherited_environment() -> dict[str, str]:
    """Return this environment without what would configure the product, Python or make."""
    ours = re.compile(r"CONFCHAT_|DJANGO_|PYTHON|(HOST|PORT|OLLAMA_HOST|VIRTUAL_ENV|MAKEFLAGS|MAKELEVEL|MFLAGS)$")
    return {name: value for name, value in os.environ.items() if not ours.match(name)}


@contextmanager
def running_server(data_dir: Path, *, directory: Path = ROOT, **settings: str) -> Iterator[Server]:
    """Set up and serve an installation in `data_dir`, from `directory`; its model's files are the repository's."""
    data_dir.mkdir(mode=0o700, exist_ok=True)
    if not (data_dir / "models").exists():
        (data_dir / "models").symlink_to(MODELS)
    port = free_port()
    environment = inherited_environment() | {
        "CONFCHAT_DATA_DIR": str(data_dir),
        "CONFCHAT_DEVELOPMENT": "1",
        "CONFCHAT_FIRST_PASSWORD": PASSWORD,
        "PORT": str(port),
        **settings,
    }
    output = data_dir / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "serve"],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for_line(process, output, READY, timeout_s=START_TIMEOUT_S)
        yield Server(f"http://127.0.0.1:{port}", data_dir, environment, output, process)
    finally:
        process.terminate()
        try:
            process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_line(process: subprocess.Popen[bytes], output: Path, text: str, *, timeout_s: float) -> None:
    """Wait until the process has written `text`; fail with all it wrote when it ends or takes too long."""
    deadline = time.monotonic() + timeout_s
    while text not in output.read_text(errors="replace"):
        said = output.read_text(errors="replace")
        assert process.poll() is None, f"it ended with status {process.returncode}:\n{said}"
        assert time.monotonic() < deadline, f"no {text!r} within {timeout_s:.0f} s:\n{said}"
        time.sleep(0.05)

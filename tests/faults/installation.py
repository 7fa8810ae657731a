"""One installation whose parts a test can break: set up once; its web server is started, killed and started again."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from attestation.simulator.tcb import EVALUATION_NUMBER
from confchat.programs import open_listener
from confchat.web_server import PING_S
from tests.confchat.ollama_stand_in import StandIn, serve, store_model
from tests.policies import write_policy
from tests.product import PASSWORD, ROOT, free_port, inherited_environment

MODEL = "deepseek-r1:70b"
METRICS_TOKEN = "only for tests"
START_TIMEOUT_S = 30.0
END_TIMEOUT_S = 20.0


@dataclass
class Installation:
    """The product at `address` with its data in `data_dir`; its model and its attestation service are at two ports.

    `log` is what the web server has written so far.
    """

    address: str
    data_dir: Path
    model_port: int
    verifier_port: int
    environment: dict[str, str]
    listener: socket.socket
    ping_s: float = PING_S
    program: str = "tests.faults.server"
    log: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start the web server and wait until it answers."""
        command = [sys.executable, "-m", self.program, str(self.listener.fileno())]
        self.process = subprocess.Popen(
            [*command, f"http://127.0.0.1:{self.verifier_port}", str(self.ping_s)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=[self.listener.fileno()],
        )
        threading.Thread(target=self._read_log, args=[self.process], daemon=True).start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._is_ready():
            assert self.process.poll() is None, "".join(self.log)
            assert time.monotonic() < deadline, "".join(self.log)
            time.sleep(0.05)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the web server with a signal, and wait until it is gone."""
        assert self.process is not None
        self.process.send_signal(number)
        try:
            self.process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def open_sockets(self) -> int:
        """Return how many sockets the server believes to be open."""
        headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        figures = httpx.get(f"{self.address}/metrics", headers=headers, trust_env=False).text
        found = re.search(r"^confchat_open_sockets (\d+)", figures, re.MULTILINE)
        assert found is not None, figures
        return int(found.group(1))

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.address}/healthz", trust_env=False, timeout=0.5).status_code == 200
        except httpx.TransportError:
            return False

    def _read_log(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self.log.append(line)


@contextmanager
def installed(data_dir: Path, **settings: str) -> Iterator[Installation]:
    """Set the product up in `data_dir`, with more settings, and serve it."""
    model_port = free_port()
    data_dir.mkdir(mode=0o700, exist_ok=True)
    with open_listener("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        environment = inherited_environment() | {
            "CONFCHAT_DATA_DIR": str(data_dir),
            "CONFCHAT_DEVELOPMENT": "1",
            "CONFCHAT_TDX": "simulator",
            "CONFCHAT_FIRST_PASSWORD": PASSWORD,
            "CONFCHAT_METRICS_TOKEN": METRICS_TOKEN,
            "CONFCHAT_LOG_ORIGIN": "faults.test/attestation-log",
            "CONFCHAT_POLICY": write_policy(data_dir / "policy.json", min_tcb_evaluation_data_number=EVALUATION_NUMBER),
            "CONFCHAT_MODEL": MODEL,
            "CONFCHAT_HANDSHAKES_PER_USER": "100000",
            "CONFCHAT_HANDSHAKES_PER_ADDRESS": "100000",
            "OLLAMA_HOST": f"http://127.0.0.1:{model_port}",
            "OLLAMA_MODELS": str(data_dir / "ollama"),
            "PORT": str(port),
            **settings,
        }
        store_model(data_dir / "ollama", MODEL)
        asyncio.run(_set_up(environment, model_port))
        installation = Installation(
            address=f"http://127.0.0.1:{port}",
            data_dir=data_dir,
            model_port=model_port,
            verifier_port=free_port(),
            environment=environment,
            listener=listener,
        )
        with served(installation):
            yield installation


@contextmanager
def beside(
    installation: Installation, *, ping_s: float = PING_S, program: str = "tests.faults.server", **settings: str
) -> Iterator[Installation]:
    """Serve the same installation a second time, with other settings, or by another program of the same usage."""
    with open_listener("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        other = replace(
            installation,
            address=f"http://127.0.0.1:{port}",
            environment=installation.environment | {"PORT": str(port), **settings},
            listener=listener,
            ping_s=ping_s,
            program=program,
            log=[],
            process=None,
        )
        with served(other):
            yield other


@contextmanager
def served(installation: Installation) -> Iterator[None]:
    """Keep the web server running for as long as the context lasts."""
    installation.start()
    try:
        yield
    finally:
        installation.end()


async def _set_up(environment: dict[str, str], model_port: int) -> None:
    """Run the product's set-up, which asks the model server what its release is to name."""
    async with serve(StandIn(), port=model_port):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "manage.py", "setup"), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
        )
        assert await process.wait() == 0

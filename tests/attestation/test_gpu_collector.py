"""GPU evidence through a process of its own, in an environment of its own, whose SDK can lie."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from attestation.gpu import gpu_digest, gpu_nonce, is_signed_by, parse_gpu_claims
from attestation.gpu_collector import MAX_WAITING, NO_GPU, PLAIN, UNPROVEN, GpuCollector
from tests.cases.gpu import public_p384, sign_es384
from tests.gpu_environment import answer_so, make_environment

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy" / "gpu_evidence.py"
NONCE = bytes(range(32))

Install = Callable[..., Path]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("gpu") / "sdk")


@pytest.fixture
def install(environment: Path) -> Install:
    """Give a way to say what the SDK answers; returns its interpreter."""
    return lambda **changes: answer_so(environment, **changes)


def collector(python: Path | None, **changes: Any) -> GpuCollector:
    return GpuCollector(python, **({"script": SCRIPT, "verifier": "local", "marks": (), "environment": {}} | changes))


async def test_confidential_gpus_answer_the_clients_nonce(install: Install) -> None:
    shown = await collector(install()).collect(NONCE)
    assert shown.stated is not None
    assert shown.text is not None
    assert (shown.stated.state, shown.stated.sha256) == ("confidential", gpu_digest(shown.text))
    claims = parse_gpu_claims(shown.text)
    assert (claims.verifier, sorted(claims.devices)) == ("local", ["GPU-0", "GPU-1"])
    assert {token.claims["eat_nonce"] for token in claims.tokens} == {gpu_nonce(NONCE)}


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        pytest.param({"devices": None}, NO_GPU, id="no driver"),
        pytest.param({"devices": 0}, NO_GPU, id="no device"),
        pytest.param({"cc": 0}, PLAIN, id="not in confidential mode"),
        pytest.param({"cc": None}, PLAIN, id="a GPU that knows no such mode"),
        pytest.param({"devtools": 1}, PLAIN, id="open to developers' tools"),
        pytest.param({"attests": False}, UNPROVEN, id="NVIDIA's verifier says no"),
    ],
)
async def test_what_is_not_confidential_is_said(install: Install, changes: dict[str, object], shown: object) -> None:
    assert await collector(install(**changes)).collect(NONCE) == shown


async def test_service_of_nvidia_signs_what_the_process_hands_on(install: Install) -> None:
    key = ec.derive_private_key(77, ec.SECP384R1())
    with nras(key) as url:
        shown = await collector(install(nras=url), verifier="nras").collect(NONCE)
    assert shown.text is not None
    claims = parse_gpu_claims(shown.text)
    assert all(is_signed_by(token, [public_p384(key)]) for token in claims.tokens)
    other = public_p384(ec.derive_private_key(78, ec.SECP384R1()))
    assert not any(is_signed_by(token, [other]) for token in claims.tokens)


async def test_machine_without_the_sdk_proves_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert await collector(Path(sys.executable)).collect(NONCE) == UNPROVEN
    gone = collector(tmp_path / "python")
    assert await gone.collect(NONCE) == UNPROVEN
    assert await gone.collect(NONCE) == UNPROVEN
    assert len([record for record in caplog.records if "cannot be started" in record.message]) == 1


async def test_process_that_hangs_is_ended(install: Install) -> None:
    began = time.monotonic()
    assert await collector(install(hangs=True), timeout_s=0.7).collect(NONCE) == UNPROVEN
    assert time.monotonic() - began < 5


def script(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "script.py"
    path.write_text(body)
    return path


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("print('x' * 10_000_000)", id="without end"),
        pytest.param("print('not JSON')", id="not JSON"),
        pytest.param("print('{}')", id="another form"),
        pytest.param('print(\'{"v":"confchat/2 gpu","state":"plain"}\')', id="another protocol"),
        pytest.param(
            'print(\'{"v":"confchat/1 gpu","state":"confidential","claims":"{}","error":null}\')', id="empty claims"
        ),
        pytest.param("", id="nothing"),
        pytest.param("raise SystemExit(1)", id="a failure"),
    ],
)
async def test_answer_that_cannot_be_read_proves_nothing(tmp_path: Path, body: str) -> None:
    assert await collector(Path(sys.executable), script=script(tmp_path, body)).collect(NONCE) == UNPROVEN


LOOKING = """
import json, os
state = "none" if "CONFCHAT_SECRET_KEY" in os.environ else "plain"
print(json.dumps({"v": "confchat/1 gpu", "state": state}))
"""


async def test_process_sees_no_secret_of_the_environment(tmp_path: Path) -> None:
    asked = collector(
        Path(sys.executable),
        script=script(tmp_path, LOOKING),
        environment={"CONFCHAT_SECRET_KEY": "secret", "PATH": "/usr/bin"},
    )
    assert await asked.collect(NONCE) == PLAIN


async def test_many_who_ask_at_once_do_not_wait_without_end(tmp_path: Path) -> None:
    path = script(tmp_path, "import time; time.sleep(30)")
    slow = collector(Path(sys.executable), script=path, timeout_s=0.5)
    began = time.monotonic()
    shown = await asyncio.gather(*(slow.collect(NONCE) for _ in range(3 * MAX_WAITING)))
    assert set(shown) == {UNPROVEN}
    assert time.monotonic() - began < 5


async def test_gpu_that_nobody_is_set_to_prove_is_said_to_be_unproven(tmp_path: Path) -> None:
    gpus = tmp_path / "gpus"
    assert await collector(None, marks=(gpus,)).collect(NONCE) == NO_GPU
    gpus.mkdir()
    assert await collector(None, marks=(gpus,)).collect(NONCE) == NO_GPU
    (gpus / "0000:01:00.0").mkdir()
    assert await collector(None, marks=(gpus,)).collect(NONCE) == UNPROVEN
    kfd = tmp_path / "kfd"
    kfd.touch()
    assert await collector(None, marks=(kfd,)).collect(NONCE) == UNPROVEN


@contextmanager
def nras(key: ec.EllipticCurvePrivateKey) -> Iterator[str]:
    """Give the address of something that signs as NVIDIA's Remote Attestation Service does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            claims = {"iss": "https://nras.attestation.nvidia.com", "eat_nonce": asked["nonce"]}
            body = json.dumps(
                [["JWT", sign_es384(claims, key)], {name: sign_es384(claims, key) for name in asked["names"]}]
            )
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()

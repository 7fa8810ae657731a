"""Fixtures that every room's tests share."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.product import MODELS, ROOT, Server, running_server

CHROMIUM_ARGUMENTS = (
    "--no-sandbox",  # root may not use it; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


SLOW_ROOMS = ("e2e", "faults", "browser")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: begun last, they would run alone at the end."""
    items.sort(key=lambda item: item.path.parent.name not in SLOW_ROOMS)


@pytest.fixture(scope="session")
def shared_vectors() -> Path:
    """Return the directory of real quotes, logs and tokens that stands beside the repository."""
    directory = ROOT.parent / "shared" / "vectors"
    if not directory.is_dir():
        pytest.skip(f"no test vectors: put them into {directory}")
    return directory


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Launch Debian's Chromium once; tests that use it say `pytest.mark.asyncio(loop_scope="session")`."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no Chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_ARGUMENTS))
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start the real product once, with the embedded model and the simulated platform."""
    if not MODELS.is_dir():
        pytest.skip("no embedded model: make var/models/.unpacked")
    budgets = {"CONFCHAT_HANDSHAKES_PER_USER": "1000", "CONFCHAT_HANDSHAKES_PER_ADDRESS": "1000"}  # a minute
    with running_server(tmp_path_factory.mktemp("product") / "data", **budgets) as running:
        yield running

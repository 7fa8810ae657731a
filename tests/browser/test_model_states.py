"""Admins watch encrypted models being unlocked: the page moves by itself, and keeps what was opened on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from confchat.model_states import ModelState, ModelStates
from tests.confchat.unlock_scene import members_of
from tests.product import Server

NAME = "watched"

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


@pytest.fixture
def states(server: Server) -> Iterator[ModelStates]:
    """Give the installation a record, and take it away again with all that was noted of it."""
    record = server.data_dir / "encrypted-models" / f"{NAME}.json"
    record.parent.mkdir(exist_ok=True)
    directory = server.data_dir / "model-states"
    record.write_text(json.dumps(members_of("https://b.example", Path("/srv/none"), Path("/run/none"))))
    yield ModelStates(directory)
    for path in (record, directory / f"{NAME}.json", directory / f".{NAME}.lock"):
        path.unlink(missing_ok=True)


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium: Browser, server: Server, states: ModelStates) -> AsyncIterator[Page]:
    """Show the models to an admin; nothing may go wrong in the console."""
    name = await asyncio.to_thread(server.new_account, "admin", is_admin=True)
    context = await chromium.new_context()
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    await page.goto(f"{server.address}/models/")
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password", exact=True).fill(server.password)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    yield page
    await context.close()
    assert faults == []


def part(page: Page, name: str) -> Locator:
    return page.locator(f"[data-name={NAME}] [data-part={name}]")


async def test_progress_moves_and_what_was_opened_stays_open(page: Page, states: ModelStates) -> None:
    await expect(part(page, "word")).to_have_text("encrypted")
    await page.get_by_text("Details and evidence").click()
    with states.held(NAME):
        for done in (1_000_000, 2_000_000):
            states.write(NAME, ModelState(state="unlocking", at=1, step="stored", done=done, total=2_000_000))
            await expect(part(page, "bar")).to_have_js_property("value", done)
        await expect(part(page, "sentence")).to_have_text("Checking what is stored")
    states.write(NAME, ModelState(state="failed", at=1, fault="wrong_key: Another one."))
    await expect(part(page, "word")).to_have_text("locked: it could not be unlocked")
    await expect(part(page, "detail")).to_have_text("wrong_key: Another one.")
    await expect(part(page, "progress")).to_be_hidden()
    await expect(part(page, "facts")).to_be_visible()

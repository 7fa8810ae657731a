"""What is being written outlives its page and is read by nobody else; what one tab does shows in another."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, Playwright, async_playwright, expect

from tests.conftest import CHROMIUM_ARGUMENTS
from tests.product import Server

CHECK_MS = 30_000
CANARY = "canary-Kanarienvogel-金丝雀"
WRITTEN_SAFELY = """() => new Promise((resolve) => {
  const look = () => {
    const request = indexedDB.open("confchat-drafts", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("drafts");
    request.onsuccess = () => {
      const count = request.result.transaction("drafts").objectStore("drafts").count();
      count.onsuccess = () => {
        request.result.close();
        if (count.result > 0) resolve(count.result);
        else setTimeout(look, 50);
      };
    };
  };
  look();
})"""

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    if shutil.which("chromium") is None:
        pytest.skip("no Chromium: apt-get install chromium")
    async with async_playwright() as running:
        yield running


async def start(playwright: Playwright, profile: Path) -> BrowserContext:
    """Start a browser with a profile on the disk, as people have one."""
    return await playwright.chromium.launch_persistent_context(
        profile, executable_path=shutil.which("chromium"), args=list(CHROMIUM_ARGUMENTS)
    )


async def expect_open(page: Page) -> None:
    badge = page.locator("trust-badge [data-ref=badge]")
    await expect(badge).to_have_attribute("data-state", "verified", timeout=CHECK_MS)


async def test_a_draft_outlives_its_browser_and_a_thief_of_the_profile_reads_no_word_of_it(
    playwright: Playwright, server: Server, tmp_path: Path
) -> None:
    name = await asyncio.to_thread(server.new_account, "writer")
    context = await start(playwright, tmp_path / "profile")
    page = await context.new_page()
    await page.goto(f"{server.address}/")
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password", exact=True).fill(server.password)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect_open(page)
    await page.locator("#prompt").fill(f"{CANARY} is what I write")
    await page.evaluate(WRITTEN_SAFELY)
    await context.close()
    files = [path for path in (tmp_path / "profile").rglob("*") if path.is_file()]
    assert any("IndexedDB" in path.parts for path in files)
    for path in files:
        content = path.read_bytes()
        for form in (
            CANARY.encode(),
            CANARY.encode("utf-16-le"),
            b"Kanarienvogel",
            "Kanarienvogel".encode("utf-16-le"),
        ):
            assert form not in content, f"{path} holds the draft in clear"
    context = await start(playwright, tmp_path / "profile")
    page = await context.new_page()
    await page.goto(f"{server.address}/")
    await expect(page.locator("#prompt")).to_have_value(f"{CANARY} is what I write", timeout=CHECK_MS)
    await expect_open(page)
    other = await context.new_page()
    await other.goto(f"{server.address}/")
    await expect_open(other)
    await page.locator("#prompt").press("Enter")
    row = other.locator("conversation-list a.conversation-link")
    await expect(row).to_have_count(1, timeout=CHECK_MS)
    await row.click()
    await page.close()
    await expect(other.locator("message-item [data-state=complete]")).to_have_count(2, timeout=CHECK_MS)
    await expect(other.locator("#prompt")).to_have_value("")
    await context.close()

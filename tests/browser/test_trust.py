"""What people see of trust, in a real browser: who checked, what their browser saw before, and what changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.product import Server

CHECK_MS = 30_000

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium: Browser, server: Server) -> AsyncIterator[Page]:
    """Sign in as somebody new, with a browser that has never been here; nothing may go wrong in its console."""
    name = await asyncio.to_thread(server.new_account, "reader")
    context = await chromium.new_context()
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    await page.goto(f"{server.address}/")
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password", exact=True).fill(server.password)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect_state(page, "verified")
    yield page
    await context.close()
    assert faults == []


async def expect_state(page: Page, state: str) -> None:
    badge = page.locator("trust-badge [data-ref=badge]")
    await expect(badge).to_have_attribute("data-state", state, timeout=CHECK_MS)


async def open_card(page: Page) -> None:
    await page.locator("trust-badge [data-ref=badge]").click()
    await expect(page.locator("trust-badge [data-ref=card]")).to_be_visible()


async def test_the_card_names_who_checked(page: Page) -> None:
    await open_card(page)
    await expect(page.locator(".checks thead th")).to_have_text(["Check", "This browser", "The server"])
    row = page.locator(".checks tbody tr").first
    await expect(row.locator("td .mark")).to_have_text(["passed", "passed"])
    service = page.locator("trust-badge [data-ref=services]")
    await expect(service).to_contain_text("built into this server")
    await expect(service).to_contain_text("this browser verified its token")


async def test_the_card_says_that_the_workload_was_not_judged_only_where_it_was_not(page: Page) -> None:
    await open_card(page)
    note = page.get_by_text("What runs on the machine was not judged")
    await expect(page.get_by_text("The application and the model are the measured ones")).to_have_count(1)
    await expect(note.first).to_be_hidden()


async def test_the_page_that_explains_shows_what_this_browser_saw(page: Page, server: Server) -> None:
    await open_card(page)
    async with page.context.expect_page() as opened:
        await page.locator("trust-badge .how-link a").click()
    how = await opened.value
    assert how.url == f"{server.address}/how/"
    await expect(how.get_by_role("heading", name="What it does not prove")).to_be_visible()
    mr_td = await page.locator("trust-badge [data-ref=facts] code").first.get_attribute("title")
    assert mr_td
    await expect(how.locator("own-values code", has_text=mr_td)).to_be_visible()
    await expect(how.locator("own-values")).to_contain_text("SIMULATED")


async def test_a_stranger_reads_the_page_without_values(chromium: Browser, server: Server) -> None:
    context = await chromium.new_context()
    page = await context.new_page()
    await page.goto(f"{server.address}/accounts/login/")
    await page.get_by_role("link", name="How do I know?").click()
    await expect(page.locator("own-values [data-ref=none]")).to_be_visible()
    await expect(page.locator("own-values [data-ref=seen]")).to_be_hidden()
    await context.close()


async def test_another_platform_turns_red_and_says_what_changed(page: Page, server: Server) -> None:
    await asyncio.to_thread(server.manage, "simulator", "wrong-release")
    try:
        await page.get_by_role("button", name="New chat").first.click()
        await expect_state(page, "failed")
        await open_card(page)
        changes = page.locator("trust-badge .changes.is-alarm")
        await expect(changes).to_contain_text("Firmware (MRTD)")
        await expect(changes).to_contain_text("Command line and file system (RTMR2)")
        await expect(changes).not_to_contain_text("RTMR0")
    finally:
        await asyncio.to_thread(server.manage, "simulator", "restore")
    await page.locator("trust-badge [data-ref=again]").click()
    await expect_state(page, "verified")
    await expect(page.locator("trust-badge .changes")).to_be_hidden()


async def test_another_key_of_the_operator_is_red_until_it_is_accepted(page: Page) -> None:
    await page.evaluate("""() => {
        const name = Object.keys(localStorage).find((name) => name.startsWith("confchat.log-key."));
        localStorage.setItem(name, JSON.stringify({ key: "A".repeat(43), since: 1 }));
    }""")
    await page.reload()
    await expect_state(page, "failed")
    await page.locator("app-notices").get_by_role("button", name="Read").click()
    details = page.locator("trust-details")
    await expect(details.locator(".changes.is-alarm")).to_contain_text("is not the one that the page names now")
    await details.get_by_role("button", name="Accept the new key").click()
    await page.get_by_role("button", name="It is the same, accept").click()
    await expect_state(page, "verified")


async def test_a_known_release_in_place_of_another_is_told_calmly(page: Page) -> None:
    await page.evaluate("""() => {
        const seen = JSON.parse(localStorage.getItem("confchat.seen"));
        seen.values.release.value = "0.0.9";
        localStorage.setItem("confchat.seen", JSON.stringify(seen));
    }""")
    await page.reload()
    await expect_state(page, "verified")
    notice = page.locator("app-notices [data-ref=notice]")
    await expect(notice).to_contain_text("took the place of 0.0.9")
    await notice.get_by_role("button", name="Noted").click()
    await expect(notice).to_be_hidden()

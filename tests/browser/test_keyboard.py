"""The keyboard alone: the palette of actions, the sheet of shortcuts, and single keys that can be switched off."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, expect

from tests.product import Server

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def test_actions_are_found_by_a_few_letters_and_single_keys_can_be_switched_off(
    chromium: Browser, server: Server
) -> None:
    context = await chromium.new_context()
    page = await context.new_page()
    await page.goto(f"{server.address}/")
    await page.get_by_label("Username").fill(await asyncio.to_thread(server.new_account, "typist"))
    await page.get_by_label("Password", exact=True).fill(server.password)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.locator("trust-badge")).to_contain_text("Verified", timeout=30_000)
    prompt, field = page.locator("#prompt"), page.get_by_role("combobox", name="Find an action")
    await prompt.press("?")  # who writes, writes
    await expect(prompt).to_have_value("?")
    await page.keyboard.press("Control+k")
    await expect(field).to_be_focused()
    await field.press_sequentially("tmp ch")
    active = page.locator(f"#{await field.get_attribute('aria-activedescendant')}")
    await expect(active).to_have_accessible_name("Temporary chat")
    await expect(active).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Enter")
    await expect(page.locator(".topbar")).to_contain_text("Temporary")
    await page.keyboard.press("Control+k")
    await field.press_sequentially("shortcuts")
    await page.keyboard.press("Enter")
    sheet = page.locator("#shortcut-sheet")
    await expect(sheet).to_be_visible()
    await sheet.get_by_role("checkbox").press("Space")
    await page.keyboard.press("Escape")
    badge = page.locator("trust-badge [data-ref=badge]")
    await badge.press("?")
    await expect(sheet).to_be_hidden()
    await page.keyboard.press("Control+k")
    await expect(field).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(badge).to_be_focused()
    await context.close()

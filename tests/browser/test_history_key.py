"""The history key as people have it, in a real browser: shown once, carried to another device, locked, and lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.product import Server

CHECK_MS = 30_000
PASSPHRASE = "four words and more"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "hasPrf": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


class Person:
    """An account of its own, and the devices on which it is signed in."""

    def __init__(self, chromium: Browser, server: Server, name: str) -> None:
        self.chromium, self.server, self.name = chromium, server, name
        self.contexts: list[BrowserContext] = []

    async def device(self) -> Page:
        """Sign in with a browser that has never been here; passkeys need a name for an address."""
        context = await self.chromium.new_context()
        self.contexts.append(context)
        page = await context.new_page()
        await page.goto(self.server.address.replace("127.0.0.1", "localhost") + "/")
        await page.get_by_label("Username").fill(self.name)
        await page.get_by_label("Password", exact=True).fill(self.server.password)
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await page.locator("chat-composer textarea").wait_for()
        return page


@pytest_asyncio.fixture(loop_scope="session")
async def person(chromium: Browser, server: Server) -> AsyncIterator[Person]:
    person = Person(chromium, server, await asyncio.to_thread(server.new_account, "keeper"))
    yield person
    for context in person.contexts:
        await context.close()


async def expect_open(page: Page) -> None:
    badge = page.locator("trust-badge [data-ref=badge]")
    await expect(badge).to_have_attribute("data-state", "verified", timeout=CHECK_MS)


async def open_key_dialog(page: Page) -> None:
    await page.locator("[data-ref=userButton]").click()
    await page.get_by_role("button", name="Your history key").click()
    await page.locator("#key-dialog").wait_for()


async def keep_folder(page: Page, name: str) -> None:
    """Store something that only the key opens."""
    await page.get_by_role("button", name="New folder").click()
    await page.locator("#folder-field").fill(name)
    await page.locator("#folder-dialog").get_by_role("button", name="Save").click()
    await expect(page.locator("conversation-list")).to_contain_text(name)


async def keep_code(page: Page) -> str:
    await open_key_dialog(page)
    await page.get_by_role("button", name="Show the code").click()
    code = await page.locator(".recovery-code").text_content()
    assert code is not None
    await page.get_by_role("button", name="I keep it").click()
    await expect(page.locator("#key-dialog")).to_contain_text("You keep its recovery code")
    await expect(page.locator(".recovery-code")).to_be_hidden()
    assert code not in await page.content()
    await page.locator("#key-dialog").get_by_role("button", name="Close").click()
    return code


async def keep_by(page: Page, way: str) -> None:
    await open_key_dialog(page)
    await page.get_by_role("radio", name=way).check()
    if way == "With a passphrase":
        for field in ("#key-passphrase", "#key-again"):
            await page.locator(field).fill(PASSPHRASE)
    await page.get_by_role("button", name="Keep it like this").click()
    await expect(page.locator("#key-dialog")).to_contain_text("From the next visit on", timeout=CHECK_MS)


async def reopen(page: Page) -> None:
    """Come again later, and find the history locked."""
    await page.reload()
    await page.get_by_role("button", name="Open your history").click(timeout=CHECK_MS)
    await page.locator("#unlock-dialog").wait_for()


async def test_another_device_opens_the_history_with_the_code_that_was_shown_once(person: Person) -> None:
    first = await person.device()
    await expect_open(first)
    await keep_folder(first, "Recipes")
    code = await keep_code(first)
    second = await person.device()
    await second.get_by_role("button", name="Open your history").click(timeout=CHECK_MS)
    await second.get_by_role("textbox", name="Recovery code").fill("never a code")
    await second.get_by_role("button", name="Open with the code").click()
    await expect(second.locator("#unlock-dialog [data-ref=said]")).to_contain_text("no recovery code")
    typed = code.replace("-", " ").lower()
    await second.get_by_role("textbox", name="Recovery code").fill(
        "7" + typed[1:] if typed[0] != "7" else "8" + typed[1:]
    )
    await second.get_by_role("button", name="Open with the code").click()
    await expect_open(second)
    await expect(second.locator("conversation-list")).to_contain_text("Recipes")
    await second.reload()
    await expect_open(second)


async def test_a_passphrase_opens_the_history_at_each_visit(person: Person) -> None:
    page = await person.device()
    await expect_open(page)
    await keep_folder(page, "Recipes")
    await keep_by(page, "With a passphrase")
    await reopen(page)
    await page.get_by_label("Passphrase", exact=True).fill("some other words")
    await page.get_by_role("button", name="Open", exact=True).click()
    await expect(page.locator("#unlock-dialog [data-ref=said]")).to_contain_text("did not open", timeout=CHECK_MS)
    await page.get_by_label("Passphrase", exact=True).fill(PASSPHRASE)
    await page.get_by_role("button", name="Open", exact=True).click()
    await expect_open(page)
    await expect(page.locator("conversation-list")).to_contain_text("Recipes")


async def test_a_passkey_opens_the_history_at_each_visit(person: Person) -> None:
    page = await person.device()
    await expect_open(page)
    await keep_folder(page, "Recipes")
    authenticator = await page.context.new_cdp_session(page)
    await authenticator.send("WebAuthn.enable")
    await authenticator.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    await keep_by(page, "With a passkey")
    await reopen(page)
    await page.get_by_role("button", name="Open with your passkey").click()
    await expect_open(page)
    await expect(page.locator("conversation-list")).to_contain_text("Recipes")


async def test_who_lost_everything_starts_over_and_is_told_before_what_that_means(person: Person) -> None:
    lost = await person.device()
    await expect_open(lost)
    await keep_folder(lost, "Recipes")
    page = await person.device()
    await page.get_by_role("button", name="Open your history").click(timeout=CHECK_MS)
    await page.locator("#unlock-dialog").get_by_role("link", name="Start over with a new key").click()
    await page.locator("input[type=password]").fill(person.server.password)
    await page.locator("form button[type=submit], form button").first.click()
    await expect(page.get_by_role("heading", name="Start over with a new key?")).to_be_visible()
    await expect(page.locator("main")).to_contain_text("There is no undo")
    await page.get_by_label("I understand").check()
    await page.get_by_role("button", name="Delete all and start over").click()
    await expect_open(page)
    await expect(page.locator("conversation-list")).not_to_contain_text("Recipes")
    await lost.reload()
    await expect(lost.get_by_role("button", name="Open your history")).to_be_visible(timeout=CHECK_MS)

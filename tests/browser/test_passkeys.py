"""A passkey is made and signs in alone, under the page's strict policy, with Chromium's virtual authenticator."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, expect

from tests.product import Server

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


async def test_a_passkey_signs_in_without_a_password(chromium: Browser, server: Server) -> None:
    address = server.address.replace("127.0.0.1", "localhost")  # passkeys belong to names, not to numbers
    page = await chromium.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    await page.goto(f"{address}/accounts/login/?next=/accounts/2fa/webauthn/add/")
    await page.fill("#id_login", await asyncio.to_thread(server.new_account, "auditor"))
    await page.fill("#id_password", server.password)
    await page.press("#id_password", "Enter")
    await page.fill("input[type=password]", server.password)  # shows once more who he is
    await page.press("input[type=password]", "Enter")
    await page.fill("#id_name", "this laptop")
    await page.click("passkey-form button")
    await expect(page.locator(".codes li").first).to_be_visible()
    await page.context.clear_cookies()
    await page.goto(f"{address}/accounts/login/?next=/accounts/")
    await page.click("passkey-form button")
    await page.wait_for_url(f"{address}/")
    await page.goto(f"{address}/accounts/")
    await expect(page.locator("main")).to_contain_text("A password alone does not open your account")
    await page.goto(f"{address}/accounts/2fa/webauthn/")
    await page.get_by_role("link", name="Remove").click()
    await page.fill("input[type=password]", server.password)
    await page.press("input[type=password]", "Enter")
    await page.click("main form button.is-danger")
    await expect(page.locator("main")).to_contain_text("None yet")
    assert [text for text in complaints if "Content Security Policy" in text or "Trusted" in text] == []
    await page.close()

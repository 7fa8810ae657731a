"""axe-core finds nothing on any page: wide, dark and Japanese, or narrow, light and Chinese."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.product import ROOT, Server

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']}).then(({violations}) => violations)"
LOOKS = [("ja", 1280, "dark"), ("zh-CN", 360, "light")]  # English is what the other tests see
PAGES = [
    *("how/", "attestation/", "attestation/own/", "attestation/overview/", "attestation/log/", "attestation/policy/"),
    *("attestation/dry-run/", "attestation/compare/", "attestation/verify/", "models/", "accounts/logout/", "nothing/"),
    "accounts/tokens/",
]

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


async def audit(page: Page, name: str) -> list[str]:
    """Return what axe finds on the page as it is now, a line for each rule."""
    await page.evaluate(AXE.read_text() + "; 0")
    found: Sequence[Any] = await page.evaluate(RUN, RULES)
    return [f"{name}: {item['id']} at {[node['target'] for node in item['nodes']][:3]}" for item in found]


@pytest.mark.parametrize(("language", "width", "scheme"), LOOKS)
async def test_nothing_stands_in_anybodys_way(
    chromium: Browser, server: Server, language: str, width: int, scheme: Any
) -> None:
    if not AXE.is_file():
        pytest.skip("no axe-core: npm ci")
    name = await asyncio.to_thread(server.new_account, "reader", is_admin=True)
    viewport: Any = {"width": width, "height": 800}
    context = await chromium.new_context(locale=language, viewport=viewport, color_scheme=scheme, bypass_csp=True)
    page = await context.new_page()
    await page.goto(f"{server.address}/accounts/login/")
    found = await audit(page, "sign-in")
    await page.locator("#id_login").fill(name)
    await page.locator("#id_password").fill(server.password)
    await page.locator(".card button[type=submit]").first.click()
    badge = page.locator("trust-badge [data-ref=badge]")
    await expect(badge).to_have_attribute("data-state", "verified", timeout=30_000)
    found += await audit(page, "chat")
    await badge.click()
    found += await audit(page, "card")
    for path in PAGES:
        await page.goto(f"{server.address}/{path}")
        found += await audit(page, path)
    await context.close()
    assert found == []

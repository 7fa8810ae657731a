"""axe-core finds nothing on any page or dialog: wide, dark and Japanese, or narrow, light and Chinese.

Dialogs are audited alone, in the page that opened them, and by keys alone: no pointer is used after signing in.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.product import ROOT, Server

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """
async ([rules, place]) => {
  const passing = document.getAnimations().filter((each) => each.effect.getTiming().iterations !== Infinity);
  await Promise.allSettled(passing.map((each) => each.finished));
  return (await axe.run(place ?? document, {runOnly: rules, resultTypes: ["violations"]})).violations;
}
"""
LOOKS = [("ja", 1280, "dark"), ("zh-CN", 360, "light")]  # English is what the other tests see
PAGES = [
    *("how/", "attestation/", "attestation/own/", "attestation/overview/", "attestation/log/", "attestation/policy/"),
    *("attestation/dry-run/", "attestation/compare/", "attestation/verify/", "models/", "accounts/logout/", "nothing/"),
    *("accounts/", "accounts/email/", "accounts/password/change/", "accounts/sessions/", "accounts/2fa/", "people/"),
    *("people/new/", "people/invitations/", "accounts/2fa/totp/activate/", "accounts/delete/", "history/start-over/"),
    "accounts/tokens/",
]
SIGNED_OUT = ["accounts/login/", "accounts/password/reset/", "accounts/signup/", "accounts/password/reset/key/1-x/"]
# A dialog, and the control that Enter opens it from.
DIALOGS = {
    "#shortcut-sheet": "#show-shortcuts",
    "#key-dialog": "#show-key",
    "#data-dialog": "[data-ref=showData]",
    "#folder-dialog": "[data-ref=newFolder]",
    "#move-dialog": "#chat-menu [data-ref=move]",
    "model-dialog dialog": ".topbar [data-ref=model]",
    "template-dialog dialog": "composer-tools [data-ref=templates]",
}
OPENERS = {"user-menu": "[data-ref=userButton]", "chat-menu": ".topbar [data-ref=more]"}
# A conversation with all that an answer can have, as this page exports it.
ANSWER = """Before `code` and $a^2$, **bold** and [a link](https://example.org).

```python
print("hello")
```

| a | b |
| --- | --- |
| 1 | 2 |

- [x] done
- [ ] open

A note.[^1]

[^1]: The note.
"""
CONVERSATION = {
    "format": "confchat/1 export",
    "conversations": [
        {
            "title": "Bread",
            "messages": [
                {"message": "1", "parent": None, "role": "user", "text": "Tell me all"},
                {"message": "2", "parent": "1", "role": "assistant", "text": ANSWER, "thinking": "Let me see."},
            ],
        }
    ],
}

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


async def audit(page: Page, name: str, *, place: str | None = None) -> list[str]:
    """Return what axe finds in a place of the page as it is now, a line for each rule."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text() + "; 0")
    found: Sequence[Any] = await page.evaluate(RUN, [RULES, place])
    return [f"{name}: {item['id']} at {[node['target'] for node in item['nodes']][:3]}" for item in found]


async def press_on(page: Page, control: str) -> None:
    """Use a control by key: on a narrow page the drawer is opened for it or closed, and its menu is opened."""
    menu = await page.locator(control).evaluate("(control) => control.closest('[popover]')?.id")
    first = OPENERS.get(menu, control)
    drawer, is_inside = page.locator("#sidebar.is-open"), await page.locator(f"#sidebar {first}").count() > 0
    if is_inside and not await page.locator(first).is_visible():
        await page.locator("[data-ref=openSidebar]").press("Enter")
    elif not is_inside and await drawer.count():
        await page.locator("[data-ref=closeSidebar]").press("Escape")
    await page.locator(first).press("Enter")
    if menu:
        await page.locator(control).press("Enter")


async def audit_dialogs(page: Page) -> list[str]:
    """Open each dialog by keys, audit it, and close it with Escape: then it is gone."""
    found = []
    for dialog, control in DIALOGS.items():
        await press_on(page, control)
        await expect(page.locator(dialog)).to_be_visible()
        found += await audit(page, dialog, place=dialog)
        await page.keyboard.press("Escape")
        await expect(page.locator(dialog)).to_be_hidden()
    await page.keyboard.press("Control+k")
    await expect(page.locator(".palette input")).to_be_focused()
    found += await audit(page, "palette", place=".palette")
    await page.keyboard.press("Escape")
    return found


async def bring_answer(page: Page) -> None:
    """Import a conversation and open it."""
    file = {"name": "a.json", "mimeType": "application/json", "buffer": json.dumps(CONVERSATION).encode()}
    await press_on(page, "[data-ref=showData]")
    await expect(page.locator("#data-dialog")).to_be_visible()
    await page.locator("#data-dialog [data-ref=file]").set_input_files(file)  # type: ignore[arg-type]
    await page.locator(".conversation-link").first.wait_for(state="attached")
    await page.keyboard.press("Escape")
    await page.locator(".conversation-link").first.press("Enter")
    await expect(page.locator(".answer .code .hljs-built_in")).to_be_attached()


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
    found = []
    for path in reversed(SIGNED_OUT):
        await page.goto(f"{server.address}/{path}")
        found += await audit(page, path)
    await page.locator("#id_login").fill(name)
    await page.locator("#id_password").fill(server.password)
    await page.locator(".card button[type=submit]").first.click()
    badge = page.locator("trust-badge [data-ref=badge]")
    await expect(badge).to_have_attribute("data-state", "verified", timeout=30_000)
    found += await audit(page, "chat")
    await badge.press("Enter")
    found += await audit(page, "card", place="trust-badge")
    await page.keyboard.press("Escape")
    await bring_answer(page)
    await expect(badge).to_have_attribute("data-state", "verified", timeout=30_000)
    found += await audit(page, "answer")
    for zoomed in ((640, 400), (320, 256)):  # 1280 by 800 at 200 %, and the size that WCAG's reflow names
        await page.set_viewport_size({"width": zoomed[0], "height": zoomed[1]})
        assert await page.evaluate("document.documentElement.scrollWidth") == zoomed[0]
    await page.set_viewport_size(viewport)
    found += await audit_dialogs(page)
    await page.goto(f"{server.address}/accounts/reauthenticate/")
    await page.locator("input[type=password]").fill(server.password)
    await page.locator("input[type=password]").press("Enter")
    for path in PAGES:
        await page.goto(f"{server.address}/{path}")
        found += await audit(page, path)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    await context.close()
    assert found == []

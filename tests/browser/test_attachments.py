"""Files in a real browser: attached, sent with a message, and opened again at the place that an answer cites."""

from __future__ import annotations

import asyncio
import base64

import pytest
from playwright.async_api import Browser, expect

from tests.confchat.test_documents import pdf
from tests.product import Server

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

DROP = """
([name, data]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(data), (each) => each.charCodeAt(0))], name));
  const room = document.querySelector("[data-ref=room]");
  for (const type of ["dragover", "drop"]) {
    room.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}
"""


async def test_file_is_dropped_sent_opened_again_and_given_back_with_a_message_that_is_refused(
    chromium: Browser, server: Server
) -> None:
    context = await chromium.new_context(viewport={"width": 360, "height": 720})
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    await page.goto(f"{server.address}/")
    await page.get_by_label("Username").fill(await asyncio.to_thread(server.new_account, "sender"))
    await page.get_by_label("Password", exact=True).fill(server.password)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    prompt = page.locator("chat-composer textarea")
    await expect(page.locator("trust-badge")).to_contain_text("Verified", timeout=30_000)
    data = base64.b64encode(pdf(["The pump is red.", "The warranty ends in May."])).decode()
    await page.evaluate(DROP, ["pump.pdf", data])
    files = page.get_by_role("list", name="Files that go with your message")
    await expect(files).to_contain_text("2 pages", timeout=30_000)
    await page.evaluate(DROP, ["a.out", base64.b64encode(b"\x7fELF\0").decode()])
    await expect(files).to_contain_text("Files of this kind are not read", timeout=30_000)
    await page.get_by_role("button", name="Take a.out away").click()
    await prompt.fill("When does the warranty end?")
    await page.get_by_role("button", name="Send", exact=True).click()
    card = page.get_by_role("button", name="pump.pdf")
    await expect(card).to_contain_text("2 pages")
    await expect(page.locator(".answer .prose").last).not_to_be_empty(timeout=60_000)
    await page.locator("[data-ref=stop]").evaluate("stop => stop.hidden || stop.click()")  # small models go on and on
    await expect(page.locator(".answer .message-tools").last).to_be_visible(timeout=60_000)
    await card.click()
    panel = page.locator("passage-panel")
    await expect(panel).to_contain_text("The pump is red.")
    await panel.get_by_role("button", name="Next page").click()
    await expect(panel).to_contain_text("The warranty ends in May.")
    await page.keyboard.press("Escape")
    await expect(card).to_be_focused()
    long = "word " * 20_000
    await page.evaluate(DROP, ["note.txt", base64.b64encode(b"It rains.").decode()])
    await expect(files).to_contain_text("note.txt")
    await prompt.fill(long)
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_text("This message is longer than the model can read at once")).to_be_visible()
    await page.locator("[data-ref=withdraw]:visible").click()
    await expect(prompt).to_have_value(long.strip())
    await expect(files).to_contain_text("note.txt")
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
    await context.close()
    assert faults == []

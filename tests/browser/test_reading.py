"""Answers as people read them, in a real browser: made from Markdown, and nothing in them loads or acts by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.product import Server

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

# The page's own view, on an element of its own: what a model writes is a text here, so that a test can choose it.
SHOW = """
async ([base, text, step]) => {
  const { MarkdownView } = await import(base + "js/lib/markdown.js");
  window.root ??= Object.assign(document.createElement("div"), { className: "prose" });
  window.view ??= new MarkdownView(window.root);
  if (!window.root.isConnected) document.body.prepend(window.root);
  for (let end = step; end < text.length + step; end += step) {
    window.view.show(text.slice(0, end), { isGrowing: end < text.length });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium: Browser, server: Server) -> AsyncIterator[Page]:
    """A page of the chat; nothing may go wrong in its console, and nothing may be asked of another host."""
    context = await chromium.new_context()
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("request", lambda sent: None if sent.url.startswith(server.address) else faults.append(sent.url))
    await page.goto(f"{server.address}/")
    await page.get_by_label("Username").fill(await asyncio.to_thread(server.new_account, "reader"))
    await page.get_by_label("Password", exact=True).fill(server.password)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.locator("chat-composer textarea").wait_for()
    yield page
    await context.close()
    assert faults == []


async def show(page: Page, text: str, *, step: int = 40) -> Any:
    script = await page.locator("script[type=module]").first.get_attribute("src")
    assert script is not None
    return await page.evaluate(SHOW, [script.removesuffix("page/main.js"), text, step])


async def test_code_has_its_colours_its_language_and_its_lines_wrapped_on_demand(page: Page) -> None:
    await show(page, "So:\n\n```python\ndef rain():\n    return 'wet'\n```\n\nThat is it.")
    code = page.locator(".prose figure.code")
    await expect(code.locator("figcaption")).to_contain_text("python")
    await expect(code.locator(".hljs-keyword").first).to_have_text("def")
    assert await code.locator("pre").text_content() == "def rain():\n    return 'wet'"
    await code.get_by_role("button", name="Wrap long lines").click()
    assert await code.locator("pre").evaluate("(pre) => getComputedStyle(pre).whiteSpace") == "pre-wrap"


async def test_formulas_are_mathml_and_their_source_is_not_repeated(page: Page) -> None:
    await show(page, "So $a^2$ and\n\n$$\n\\frac{1}{2}\n$$\n\nend", step=3)
    await expect(page.locator(".prose math")).to_have_count(2)
    await expect(page.locator(".prose math[display=block] mfrac")).to_have_count(1)
    assert "frac" not in (await page.locator(".prose").text_content() or "")


async def test_images_are_links_that_nobody_follows_by_himself(page: Page, server: Server) -> None:
    await show(page, "![A cloud](https://tracker.example/c.png?s=1) and [there](https://example.org/a?b=c)")
    await expect(page.locator(".prose img")).to_have_count(0)
    await expect(page.locator(".prose a.image")).to_contain_text("https://tracker.example/c.png?s=1")
    link = page.locator(".prose a", has_text="there")
    assert await link.get_attribute("rel") == "noopener noreferrer nofollow"
    assert page.url.startswith(server.address)


async def test_names_and_footnotes_of_a_model_reach_nothing_of_the_page(page: Page) -> None:
    text = "A[^prompt] <b id='prompt'>x</b>\n\n<form id=main><input name=action></form>\n\n[^prompt]: Note one."
    await show(page, text, step=7)
    assert await page.locator(".prose [id], .prose [name], .prose form, .prose b").count() == 0
    await page.get_by_role("button", name="Footnote 1", exact=True).click()
    await expect(page.locator(".footnotes li")).to_be_focused()
    await expect(page.locator(".footnotes")).to_contain_text("Note one.")


async def test_what_has_been_selected_stays_selected_while_the_answer_grows(page: Page) -> None:
    await show(page, "First words of it.\n\nSecond")
    await expect(page.locator(".prose p").last).to_have_text("Second")
    select = "() => getSelection().selectAllChildren(document.querySelector('.prose p:last-of-type'))"
    await page.evaluate(select)
    await show(page, "First words of it.\n\nSecond words *of* it.\n\n- and\n- more", step=1000)
    assert (await page.evaluate("() => getSelection().toString()")).startswith("Second")

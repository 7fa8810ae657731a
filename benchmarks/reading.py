"""How smoothly a long, fast answer is shown: long tasks and frames in Chromium, beside reading all of it at each piece.

usage: python -m benchmarks.reading        prints one JSON line for each kind of text and each way of showing it
"""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

from playwright.async_api import Browser, async_playwright

from benchmarks.product import product, report, token_server
from tests.conftest import CHROMIUM_ARGUMENTS
from tests.product import Server

SIZE = 200_000  # characters: the longest answer there is
PIECE = 1_000  # as much as one beat carries
BEAT_MS = 50

PARAGRAPH = "Rain falls when *drops* in a `cloud` grow too heavy, as [they](https://example.org) say of $x^2$ drops. "
TEXTS = {
    "mixed": f"## Rain\n\n{PARAGRAPH * 3}\n\n- {PARAGRAPH}\n- {PARAGRAPH}\n\n```python\n"
    + "def fall(drop):\n    return drop.radius > 0.1  # heavy\n" * 6
    + "```\n\n| kind | size |\n| --- | --: |\n| drizzle | 0.2 |\n| rain | 2.0 |\n\n",
    "one list": f"- {PARAGRAPH}\n",
    "one paragraph": PARAGRAPH,
    "one block of code": "    return drop.radius > 0.1  # heavy\n",
}

# Feeds a text piece by piece on a beat; counts the tasks over 50 ms, the time in them, and the longest gap of frames.
MEASURE = """
async ({base, text, piece, beat, way}) => {
  const { MarkdownView } = await import(base + "js/lib/markdown.js");
  const { DOMPurify, Marked } = await import(base + "vendor/markdown.js");
  const marked = new Marked();
  const root = document.createElement("div");
  root.className = "prose";
  const list = document.querySelector("message-list");
  list.replaceChildren(root);
  const view = new MarkdownView(root);
  const show = {
    ours: (part, isGrowing) => view.show(part, { isGrowing }),
    whole: (part) => root.replaceChildren(DOMPurify.sanitize(marked.parse(part), { RETURN_DOM_FRAGMENT: true })),
  }[way];
  const tasks = [];
  const observer = new PerformanceObserver((entries) => tasks.push(...entries.getEntries().map((e) => e.duration)));
  observer.observe({ type: "longtask" });
  let longest = 0, frames = 0, last = performance.now(), isOver = false;
  const frame = (now) => {
    longest = Math.max(longest, now - last);
    last = now;
    frames += 1;
    if (!isOver) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  const started = performance.now();
  for (let end = piece; end < text.length + piece; end += piece) {
    show(text.slice(0, end), end < text.length);
    await new Promise((resolve) => setTimeout(resolve, beat));
  }
  const fed = performance.now() - started;
  isOver = true;
  observer.disconnect();
  return {
    seconds: fed / 1000,
    long_tasks: tasks.length,
    blocked_s: tasks.reduce((sum, ms) => sum + ms, 0) / 1000,
    longest_frame_ms: longest,
    frames_per_s: frames / (fed / 1000),
  };
}
"""


async def main() -> None:
    with token_server(rate=1, tokens=1) as model, product(ollama_host=model) as server:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=list(CHROMIUM_ARGUMENTS)
            )
            for name, unit in TEXTS.items():
                opening = "```python\n" if name == "one block of code" else ""
                text = (opening + unit * (SIZE // len(unit) + 1))[:SIZE]
                for way in ("ours", "whole"):
                    report(text=name, way=way, **await _measure(browser, server, text, way=way))
            await browser.close()


async def _measure(browser: Browser, server: Server, text: str, *, way: str) -> dict[str, Any]:
    """Show a text in a fresh page of the product and return what it cost."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    await page.goto(f"{server.address}/")
    await page.get_by_label("Username").fill("user")
    await page.get_by_label("Password", exact=True).fill(server.password)
    await page.get_by_role("button", name="Sign in").click()
    await page.locator("chat-composer textarea").wait_for()
    script = await page.locator("script[type=module]").first.get_attribute("src")
    assert script is not None
    base = script.removesuffix("page/main.js")
    arguments = {"base": base, "text": text, "piece": PIECE, "beat": BEAT_MS, "way": way}
    figures: dict[str, Any] = await page.evaluate(MEASURE, arguments)
    await context.close()
    return figures


if __name__ == "__main__":
    asyncio.run(main())

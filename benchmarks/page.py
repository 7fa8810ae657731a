"""How soon a page is there on a phone: what is sent, when something is painted, and when one can write.

Chromium is slowed down as Lighthouse's mobile profile does: 1.6 Mbit/s, 150 ms for each round trip, a processor a
quarter as fast. `made` is what pages load; `sources` is the same page with the modules and style sheets that it was
made of, which is what the ratios compare with. Their requests go through this process, which costs each some ms more.

usage: python -m benchmarks.page        prints one JSON line for each page and way: medians of RUNS
"""

from __future__ import annotations

import asyncio
import re
import shutil
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from playwright.async_api import BrowserContext, CDPSession, Page, Route, ViewportSize, async_playwright

from benchmarks.product import product, report, token_server
from confchat.page_files import read_page_files
from tests.conftest import CHROMIUM_ARGUMENTS
from tests.product import ROOT, Server

RUNS = 3
TIMEOUT_MS = 120_000
# Lighthouse's `mobileSlow4G` (core/config/constants.js); latency is of each request, as devtools know no round trips.
NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 1_638_400 / 8, "uploadThroughput": 675_000 / 8}
CPU_FACTOR = 4
PHONE: ViewportSize = {"width": 412, "height": 823}
READY = {"/accounts/login/": "#id_password", "/": "chat-composer[data-mode=ready]"}
MADE = re.compile(r"^(.*/static/[0-9a-f]+/)page/(.*)$")

WATCH = """
window.seen = { lcp: 0, tasks: [] };
const watch = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take)).observe(
  { type, buffered: true });
watch("largest-contentful-paint", ({ startTime }) => (window.seen.lcp = startTime));
watch("longtask", ({ duration }) => window.seen.tasks.push(duration));
"""
TIMES = """
() => ({
  fcp_ms: performance.getEntriesByName("first-contentful-paint")[0].startTime,
  lcp_ms: window.seen.lcp,
  ready_ms: performance.now(),
  long_tasks: window.seen.tasks.length,
  blocked_ms: window.seen.tasks.reduce((sum, ms) => sum + ms - 50, 0),
})
"""


@dataclass
class Traffic:
    """What came over the network, with its headers, by the kind of resource."""

    kinds: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def watch(self, session: CDPSession) -> None:
        """Count from now on."""
        session.on("Network.responseReceived", lambda event: self.kinds.update({event["requestId"]: event["type"]}))
        session.on(
            "Network.loadingFinished",
            lambda event: self.sizes.update({event["requestId"]: event["encodedDataLength"]}),
        )

    def figures(self) -> dict[str, float]:
        """Return requests and kB (1000 bytes)."""
        sums = {kind: self._sum(kind) for kind in ("Document", "Script", "Stylesheet")}
        return {
            "requests": len(self.sizes),
            "kb": sum(self.sizes.values()) / 1000,
            **{f"{kind.lower()}_kb": kb for kind, kb in sums.items()},
        }

    def _sum(self, kind: str) -> float:
        return sum(size for request, size in self.sizes.items() if self.kinds.get(request) == kind) / 1000


async def main() -> None:
    with token_server(rate=1, tokens=1) as model, product(ollama_host=model) as server:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=list(CHROMIUM_ARGUMENTS)
            )
            for path, ready in READY.items():
                context = await browser.new_context(viewport=PHONE, device_scale_factor=1.75)
                await context.add_init_script(WATCH)
                if path == "/":
                    await _sign_in(context, server)
                url = f"{server.address}{path}"
                lines = {way: await _median(context, url, ready, way) for way in ("sources", "made")}
                await context.close()
                for way, figures in lines.items():
                    ratios = {
                        f"{name}_ratio": figures[name] / lines["sources"][name]
                        for name in ("requests", "script_kb", "fcp_ms", "ready_ms")
                        if lines["sources"][name]
                    }
                    report(page=path, way=way, **figures, **ratios)
            await browser.close()


async def _sign_in(context: BrowserContext, server: Server) -> None:
    """Sign in, and make the history key that this browser keeps from then on."""
    page = await context.new_page()
    await page.goto(f"{server.address}/")
    await page.get_by_label("Username").fill("user")
    await page.get_by_label("Password", exact=True).fill(server.password)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.locator(READY["/"]).wait_for()
    await page.close()


async def _median(context: BrowserContext, url: str, ready: str, way: str) -> dict[str, float]:
    runs = [await _measure(context, url, ready, way) for _ in range(RUNS)]
    return {name: median(run[name] for run in runs) for name in runs[0]}


async def _measure(context: BrowserContext, url: str, ready: str, way: str) -> dict[str, float]:
    """Open a page once with nothing in the cache, and return what it cost."""
    page = await context.new_page()
    session = await _slow_down(page)
    if way == "sources":
        await _serve_sources(page)
    traffic = Traffic()
    traffic.watch(session)
    await page.goto(url, timeout=TIMEOUT_MS)
    await page.locator(ready).wait_for(timeout=TIMEOUT_MS)
    figures: dict[str, Any] = await page.evaluate(TIMES)
    await page.close()
    return {**figures, **traffic.figures()}


async def _slow_down(page: Page) -> CDPSession:
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    await session.send("Network.clearBrowserCache")
    await session.send("Network.emulateNetworkConditions", NETWORK)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": CPU_FACTOR})
    return session


async def _serve_sources(page: Page) -> None:
    """Have every file that was made answered by the sources that it was made of."""
    styles = read_page_files(ROOT / "static").styles

    async def answer(route: Route) -> None:
        match = MADE.match(route.request.url)
        assert match is not None
        base, name = match.groups()
        if name.startswith("parts/"):
            await route.abort()
        elif name.startswith("css/"):
            sheets = styles[name.removeprefix("css/").removesuffix(".css")]
            imports = "".join(f'@import "{base}css/{sheet}.css";' for sheet in sheets)
            await route.fulfill(body=imports, content_type="text/css")
        else:
            await route.continue_(url=f"{base}js/{name}")

    await page.route(MADE, answer)


if __name__ == "__main__":
    asyncio.run(main())

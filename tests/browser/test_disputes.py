"""Who checked disagree, or time passes: what people see is red or grey, never an old green."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, WebSocketRoute, expect

from tests.browser.test_trust import CHECK_MS, expect_state, open_card, page

__all__ = ["page"]

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

BEAT = "05:10"
SLEEP = "25:00"


class Wire:
    """What stands between a page and its server: it counts questions, and changes or drops what it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_cut = False
        self.change: Callable[[dict[str, Any]], None] = lambda _message: None

    async def stand_between(self, page: Page) -> None:
        await page.route_web_socket("**/ws/session/", self._route)

    def _route(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda message: self._ask(server, message))
        server.on_message(lambda message: socket.send(self._answer(message)))

    def _ask(self, server: WebSocketRoute, message: str | bytes) -> None:
        is_question = isinstance(message, str) and "attest.request" in message
        self.asked += is_question
        if not (is_question and self.is_cut):
            server.send(message)

    def _answer(self, message: str | bytes) -> str | bytes:
        if isinstance(message, bytes):
            return message
        members = json.loads(message)
        self.change(members)
        return json.dumps(members)


@pytest_asyncio.fixture(loop_scope="session")
async def wire(page: Page) -> Wire:
    """Sign in, and put a wire between the next page and its server."""
    wire = Wire()
    await wire.stand_between(page)
    return wire


def server_says_no(message: dict[str, Any]) -> None:
    if message["type"] == "attest.verdict":
        message["outcome"] = "contraindicated"


def service_is_silent(message: dict[str, Any]) -> None:
    if message["type"] == "attest.verdict":
        message["token"], message["error"] = None, {"code": "service_refused"}


@pytest.mark.parametrize(
    ("change", "said"), [(server_says_no, "the server"), (service_is_silent, "attestation service")]
)
async def test_whoever_disagrees_is_named_and_nothing_is_green(
    page: Page, wire: Wire, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    wire.change = change
    await page.reload()
    await expect_state(page, "failed")
    await open_card(page)
    await expect(page.locator("trust-badge [data-ref=card]")).to_contain_text(said, ignore_case=True)
    wire.change = lambda _message: None
    await page.locator("trust-badge [data-ref=again]").click()
    await expect_state(page, "verified")


async def test_a_proof_is_renewed_on_a_beat_while_somebody_looks(page: Page, wire: Wire) -> None:
    await page.clock.install(time=datetime.now(UTC))
    await page.reload()
    await expect_state(page, "verified")
    before = wire.asked
    await page.clock.fast_forward(BEAT)
    async with asyncio.timeout(CHECK_MS / 1000):
        while wire.asked == before:
            await asyncio.sleep(0.1)
    await expect_state(page, "verified")


async def test_a_computer_that_slept_wakes_without_an_old_green(page: Page, wire: Wire) -> None:
    await page.clock.install(time=datetime.now(UTC))
    await page.reload()
    await expect_state(page, "verified")
    wire.is_cut = True
    await page.clock.fast_forward(SLEEP)
    badge = page.locator("trust-badge [data-ref=badge]")
    await expect(badge).not_to_have_attribute("data-state", "verified", timeout=CHECK_MS)
    assert await badge.get_attribute("data-state") in ("expired", "checking", "failed", "offline")
    await expect(page.get_by_role("button", name="Send")).to_be_disabled()

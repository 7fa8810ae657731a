"""A newcomer: clones into an empty directory, runs one command, signs in, chats; then the machine is revoked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from confchat.workload import LOOK_EVERY_S
from tests.product import READY, ROOT, free_port, inherited_environment, wait_for_line

FIRST_START_S = 600.0
CHECK_MS = 30_000
ANSWER_MS = 90_000
END_S = 30.0

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]


@dataclass
class Clone:
    """A fresh clone, its running product, and what `make run` said."""

    directory: Path
    address: str
    output: Path
    process: subprocess.Popen[bytes]

    @property
    def passwords(self) -> dict[str, str]:
        return dict(re.findall(r"^  (user|admin|auditor) +(\S+)$", self.output.read_text(), re.MULTILINE))

    def manage(self, *arguments: str) -> None:
        subprocess.run(
            [".venv/bin/python", "manage.py", *arguments],
            cwd=self.directory,
            env=inherited_environment(),
            check=True,
            capture_output=True,
            timeout=60,
        )


@contextmanager
def running_clone(directory: Path) -> Iterator[Clone]:
    """Clone what is committed, and `make run` it with nothing that this repository has installed or built."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(directory)], check=True)
    port = free_port()
    output = directory.with_suffix(".txt")
    with output.open("wb") as file:
        process = subprocess.Popen(
            ["make", "run", f"PORT={port}"],
            cwd=directory,
            env=inherited_environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for_line(process, output, READY, timeout_s=FIRST_START_S)
        wait_for_line(process, output, "Ctrl-C", timeout_s=END_S)
        yield Clone(directory, f"http://127.0.0.1:{port}", output, process)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def processes_in(directory: Path) -> list[str]:
    """Return the processes that work in a directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if path.readlink() == directory:
                found.append(path.parent.name)
    return found


async def sign_in(page: Page, clone: Clone, name: str) -> None:
    await page.goto(f"{clone.address}/")
    await page.get_by_label("Username").fill(name)
    await page.get_by_label("Password", exact=True).fill(clone.passwords[name])
    await page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.skipif(shutil.which("make") is None, reason="no make: apt-get install make")
async def test_newcomer_sees_green_then_an_answer_then_red(chromium: Browser, tmp_path: Path) -> None:
    with running_clone(tmp_path / "confchat") as clone:
        assert set(clone.passwords) == {"user", "admin", "auditor"}
        context = await chromium.new_context()
        page = await context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        sealed: list[bytes] = []
        page.on("websocket", lambda socket: socket.on("framesent", lambda data: keep_sealed(sealed, data)))

        await sign_in(page, clone, "user")
        await expect_green(page)
        await ask(page, "Name one colour of the rainbow.")

        await asyncio.to_thread(clone.manage, "simulator", "revoke")
        sealed.clear()
        await page.get_by_role("button", name="New chat").first.click()
        await expect_red_and_locked(page)
        assert sealed == []

        await asyncio.to_thread(clone.manage, "simulator", "restore")
        await page.get_by_role("button", name="Check again").first.click()
        await expect_green(page)

        for changed in (clone.directory / "templates" / "how.html", weights(clone)):
            with one_byte_flipped(changed):
                await asyncio.sleep(LOOK_EVERY_S)  # the application's own files are not looked at more often
                await page.get_by_role("button", name="New chat").first.click()
                await expect_red_and_locked(page)
                await expect_named(page, changed.name.removeprefix("sha256-"))
            await asyncio.to_thread(clone.manage, "simulator", "reboot")
            await page.get_by_role("button", name="Check again").first.click()
            await expect_green(page)
        assert faults == []
        await context.close()
    assert processes_in(clone.directory) == []
    assert "Traceback" not in clone.output.read_text()


def weights(clone: Clone) -> Path:
    return max((clone.directory / "var" / "models" / "blobs").iterdir(), key=lambda path: path.stat().st_size)


@contextmanager
def one_byte_flipped(path: Path) -> Iterator[None]:
    """Change the last byte of a file, and put it back."""
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        byte = file.read(1)
        for last in (bytes([byte[0] ^ 1]), byte):
            file.seek(-1, os.SEEK_END)
            file.write(last)
            file.flush()
            if last != byte:
                yield


async def expect_named(page: Page, name: str) -> None:
    """Expect the details of a red badge to say which part of what runs there is not the released one."""
    await page.locator("trust-badge [data-ref=badge]").click()
    await page.locator("trust-badge").get_by_role("button", name="Details").click()
    panel = page.locator("trust-details [data-ref=panel]")
    await expect(panel).to_contain_text(name)
    await panel.locator("[data-ref=close]").click()
    await expect(panel).to_be_hidden()


def keep_sealed(sealed: list[bytes], data: str | bytes) -> None:
    """Keep a sealed frame; the handshake's frames are text."""
    if isinstance(data, bytes):
        sealed.append(data)


async def expect_green(page: Page) -> None:
    badge = page.locator("trust-badge [data-ref=badge]")
    await expect(badge).to_have_attribute("data-state", "verified", timeout=CHECK_MS)
    await expect(badge).to_contain_text("Verified")
    await expect(badge).to_contain_text("SIMULATED")


async def expect_red_and_locked(page: Page) -> None:
    badge = page.locator("trust-badge [data-ref=badge]")
    await expect(badge).to_have_attribute("data-state", "failed", timeout=CHECK_MS)
    await expect(badge).to_contain_text("Not verified")
    composer = page.locator("chat-composer")
    await expect(composer).to_have_attribute("data-mode", "locked")
    await expect(composer.locator("[data-ref=prompt]")).not_to_be_editable()
    await expect(composer.locator("[data-ref=send]")).to_be_disabled()
    # Not by the keyboard either.
    await composer.locator("[data-ref=prompt]").focus()
    await page.keyboard.type("Is anybody there?")
    await page.keyboard.press("Enter")
    await expect(page.locator("message-list [data-role=user]")).to_have_count(0)


async def ask(page: Page, text: str) -> None:
    """Send a prompt and wait for the whole of an answer that is not empty."""
    await page.get_by_label("Your message", exact=True).fill(text)
    await page.get_by_role("button", name="Send", exact=True).click()
    answer = page.locator("message-list [data-role=assistant]").last
    await expect(answer).to_have_attribute("data-state", "complete", timeout=ANSWER_MS)
    assert (await answer.locator("[data-ref=text]").inner_text()).strip()
    await expect(answer.locator("[data-ref=note]")).to_be_hidden()

"""A thief with the database, its backups, the disk and a password: he reads no word of anybody's.

Everything that the running product may write to lies on a file system whose raw bytes are searched: what was
deleted, what stands in journals, and what was half written when the server was killed in the middle of an answer.
"""

from __future__ import annotations

import asyncio
import base64
import mmap
import os
import re
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import BinaryIO

import httpx
import pytest

from benchmarks.product import token_server
from benchmarks.token_server import NAME, PIECE
from tests.confchat.test_attachments import attach
from tests.confchat.test_recovery import wait_until_answering
from tests.product import ROOT, Server, running_server
from tests.session_client import SessionClient, account_id, log_in, new_id

IMAGE_BYTES = 256 * 1024 * 1024
KEY = bytes(range(7, 39))
PLACES = ("prompt", "title", "folder", "search", "system", "template", "file", "filename")
CANARY, CONTROL = "kanarienvogel", "a bird that is really there"
CANARIES = {place: f"{CANARY}{place}" for place in PLACES}


@contextmanager
def mounted(image: Path, directory: Path) -> Iterator[Path]:
    """Mount a new ext4 image, with its journal."""
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True, timeout=60)
    directory.mkdir()
    done = subprocess.run(["mount", "-o", "loop", str(image), str(directory)], check=False, timeout=60)
    if done.returncode != 0:
        pytest.skip("no loop mounts here: run as root where loop devices are allowed")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True, timeout=60)


def forms(text: str) -> Iterator[bytes]:
    """Yield a text in the forms in which programs write texts."""
    raw = text.encode()
    yield raw
    yield text.encode("utf-16-le")
    yield raw.hex().encode()
    for shift in range(3):  # where the text begins within base64's groups of three bytes
        yield base64.b64encode(b"\0" * shift + raw)[4 * (shift > 0) : -4]


def written(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield where something was ever written in a file that has holes."""
    size, end = os.fstat(file.fileno()).st_size, 0
    while end < size:
        try:
            start = os.lseek(file.fileno(), end, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing more
            return
        end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
        yield start, end


def found_in(image: Path, texts: list[bytes]) -> list[bytes]:
    with image.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        places = list(written(file))
        return [text for text in texts if any(content.find(text, start, end) >= 0 for start, end in places)]


async def say_everything(client: SessionClient) -> None:
    """Leave a canary in every place for words, and an answer under way."""
    await client.ask()
    await client.open()
    waiting = await attach(client, f"{CANARIES['file']} unsent".encode(), name=CANARIES["filename"])
    assert waiting["file"] is not None
    await client.call("folder.name", folder=new_id(), name=CANARIES["folder"])
    await client.call("templates.save", templates=[{"name": "a name", "text": CANARIES["template"]}])
    settings = {"model": None, "system": CANARIES["system"], "effort": None, "options": {}}
    saved = await client.call("settings.save", conversation=None, settings=settings)
    assert saved["type"] == "settings.saved", saved
    file = await attach(client, CANARIES["file"].encode(), name=f"{CANARIES['filename']}.txt")
    started = await client.ask_model(CANARIES["prompt"], attachments=[file["attachment"]])
    assert started["type"] == "chat.started", started
    await client.finish()
    named = await client.call("conversation.rename", conversation=client.conversation, title=CANARIES["title"])
    assert named["type"] == "conversation.renamed", named
    found = await client.call("conversation.search", query=CANARIES["search"])
    assert found["type"] == "conversation.found", found


def back_up(data_dir: Path, copy: Path) -> None:
    """Copy the database while it is in use, as backups do; what is copied holds the file's ciphertext."""
    [database] = data_dir.glob("*.sqlite3")
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        assert target.execute("SELECT count(*) FROM confchat_attachment").fetchone() == (1,)


async def read_as_thief(server: Server, conversation: str) -> None:
    """Sign in with the stolen password, and learn nothing."""
    with log_in(server.address, "user", server.password) as login:
        async with SessionClient.connected(server.address, login.cookies, user=account_id(login)) as thief:
            await thief.ask()
            await thief.open()
            for kind in ("conversation.list", "folder.list", "templates.open"):
                answer = await thief.call(kind, **({"before": None} if kind == "conversation.list" else {}))
                assert answer.get("code") == "not_stored" or [] in answer.values(), answer
            await thief.ask(conversation=conversation)
            await thief.send_opening(history_key=base64.urlsafe_b64encode(b"x" * 32).decode().rstrip("="))
            assert (await thief.receive_clear())["code"] == "history_key_wrong"


@pytest.mark.timeout(120)
async def test_neither_the_raw_disk_nor_a_stolen_password_gives_away_a_word(tmp_path: Path) -> None:
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("no mkfs.ext4: apt-get install e2fsprogs")
    image = tmp_path / "disk.img"
    with ExitStack() as stack:
        model = stack.enter_context(token_server(rate=40, tokens=120))
        disk = stack.enter_context(mounted(image, tmp_path / "disk"))
        (disk / "tmp").mkdir()
        settings = {"OLLAMA_HOST": model, "CONFCHAT_MODEL": NAME, "TMPDIR": str(disk / "tmp"), "PYTHONPATH": str(ROOT)}
        server = stack.enter_context(running_server(disk / "data", directory=disk, **settings))
        with log_in(server.address, "user", server.password) as login:
            async with SessionClient.connected(
                server.address, login.cookies, user=account_id(login), history_key=KEY
            ) as client:
                await say_everything(client)
                await client.ask_model(CANARIES["prompt"], tokens=4000)
                for _ in range(20):
                    await client.receive()
                web = server.pid_of("confchat.web_server")
                assert re.search(r"Max core file size +0 +0 ", Path(f"/proc/{web}/limits").read_text())
                os.kill(web, signal.SIGKILL)
            await asyncio.to_thread(wait_until_answering, login)
            figures = (await asyncio.to_thread(httpx.get, f"{server.address}/metrics", timeout=20)).text
        back_up(server.data_dir, disk / "backup.sqlite3")
        await read_as_thief(server, client.conversation)
        said = server.output.read_bytes()
        os.sync()
        (disk / "known").write_text(CONTROL)
        os.sync()
        secrets = [*forms(CANARY), (PIECE * 6).encode(), KEY, KEY.hex().encode(), base64.b64encode(KEY)[:-4]]
        assert await asyncio.to_thread(found_in, image, [CONTROL.encode()]), "the search itself works"
        assert await asyncio.to_thread(found_in, image, secrets) == []
        assert CANARY.encode() not in said
        assert CANARY not in figures

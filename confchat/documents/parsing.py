"""Files read by a process of their own, which gets the bytes and nothing else, and is ended when it takes too much.

It is given no environment, no open file but its pipes, and no word of whose file it is. Nothing touches the disk.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from confchat.documents.document import Document, build_document
from confchat.errors import RequestError

TIMEOUT_S = 30.0
MAX_AT_ONCE = 2
MAX_WAITING = 8
MAX_ANSWER_BYTES = 32 * 1024 * 1024  # of JSON: `readers.MAX_CHARACTERS`, each escaped to six bytes, and some

CODES = frozenset(
    {
        "document_kind",  # none of the kinds that are read
        "document_unreadable",  # damaged
        "document_locked",  # under a password
        "document_empty",  # no text in it: pictures of pages, perhaps
        "document_too_large",  # more pages or letters than are read
        "document_too_much",  # takes more memory, time or room than any honest file
        "document_unconfined",  # this machine cannot confine the process: nothing is read
        "image_too_large",
    }
)
_CHILD = Path(__file__).with_name("child.py")

logger = logging.getLogger(__name__)


class DocumentReader:
    """Reads files, two at once. Belongs to one event loop."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._turns = asyncio.Semaphore(MAX_AT_ONCE)
        self._waiting = 0

    async def read(self, data: bytes, *, uuid: str, name: str) -> Document:
        """Read one file.

        Raises:
            RequestError: one of `CODES`, or `busy`.
        """
        if self._waiting >= MAX_WAITING:
            raise RequestError("busy", retry=True)
        self._waiting += 1
        try:
            async with self._turns:
                found = await self._ask(data)
        finally:
            self._waiting -= 1
        code = found.get("error")
        if code is not None:
            if code == "document_unconfined":
                logger.error("files are not read: this kernel does not confine the process that would read them")
            raise RequestError(code if code in CODES else "document_unreadable")
        return build_document(uuid, {**found, "name": name, "size": len(data)})

    async def _ask(self, data: bytes) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = json.loads(await _run(data))
        except TimeoutError as error:
            raise RequestError("document_too_much") from error
        except ValueError as error:  # it was killed before it could answer: CPU time, or memory
            raise RequestError("document_too_much") from error
        except OSError as error:
            raise RequestError("document_unconfined") from error
        if not isinstance(answer, dict):
            raise RequestError("document_unreadable")
        return answer


async def _run(data: bytes) -> bytes:
    """Return what the process answers; raises ValueError where that is too long."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-B", str(_CHILD)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd="/",
        env={},
        start_new_session=True,
    )
    try:
        answer, _ = await asyncio.gather(_receive(process.stdout), _send(process.stdin, data))
        return answer
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _send(pipe: asyncio.StreamWriter | None, data: bytes) -> None:
    if pipe is not None:
        with suppress(BrokenPipeError, ConnectionResetError):
            pipe.write(data)
            await pipe.drain()
            pipe.close()


async def _receive(pipe: asyncio.StreamReader | None) -> bytes:
    answer = bytearray()
    while pipe is not None and (piece := await pipe.read(65536)):
        answer += piece
        if len(answer) > MAX_ANSWER_BYTES:
            raise ValueError("too long an answer")
    return bytes(answer)

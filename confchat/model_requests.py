"""Locking asked of the process that keeps a model open: a reason on its socket, and an answer when the model is locked.

Nothing but locking can be asked there, and only by this installation's own user: the socket lies in a directory of
mode 0700. So a server that may neither mount nor unmount can have its models locked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from attestation.printing import printable
from confchat.model_states import LockError

MAX_LINE_BYTES = 1024
ASKING_TIMEOUT_S = 5.0
# Locking ends an engine first, which is given half a minute (confchat.supervisor).
LOCKING_TIMEOUT_S = 60.0
LOCKED = "locked"

Lock = Callable[[str], Awaitable[None]]


async def take_requests(path: Path, lock: Lock) -> asyncio.Server:
    """Listen; `lock` is given the reason, and raises `LockError` where it cannot.

    Raises:
        LockError: nobody can listen there.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(ASKING_TIMEOUT_S):
                line = await reader.readline()
            why = printable(line.decode("utf-8", "replace").removesuffix("\n"))
            writer.write(f"{await _done(lock, why)}\n".encode())
            await writer.drain()
        except (OSError, TimeoutError, ValueError):
            return  # whoever asked has left, or does not speak this
        finally:
            writer.close()

    try:
        server = await asyncio.start_unix_server(answer, path, limit=MAX_LINE_BYTES)
    except OSError as error:
        raise LockError(f"Nobody could be heard at {path}: {error.strerror or error}.") from error
    return server


def ask_to_lock(path: Path, *, why: str) -> bool:
    """Have a model locked by the process that keeps it open; return False where there is none.

    Raises:
        LockError: it did not lock it, or did not answer.
    """
    answer = asyncio.run(_ask(path, why))
    if answer not in (None, LOCKED):
        raise LockError(answer or "the process that keeps it open did not answer")
    return answer is not None


async def _ask(path: Path, why: str) -> str | None:
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except OSError as error:
        return f"the process that keeps it open cannot be asked: {error.strerror or error}"
    try:
        async with asyncio.timeout(LOCKING_TIMEOUT_S):
            writer.write(printable(why).encode()[: MAX_LINE_BYTES // 2] + b"\n")
            return (await reader.readline()).decode("utf-8", "replace").strip()
    except (OSError, TimeoutError, ValueError):
        return ""
    finally:
        writer.close()


async def _done(lock: Lock, why: str) -> str:
    try:
        await lock(why)
    except LockError as error:
        return str(error)
    return LOCKED

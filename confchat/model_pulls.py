"""Models being fetched by the model server: one at a time, watched, and ended where there is no room."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from confchat.errors import ModelError
from confchat.llm import Model
from confchat.llm.installed import full_name

logger = logging.getLogger(__name__)

RESERVE_BYTES = 1_000_000_000  # left free whatever is fetched: the database and the logs need room as well

State = Literal["running", "done", "ended", "failed"]


@dataclass(slots=True)
class Pull:
    """One model on its way. `code` says why it failed; both numbers are 0 until the registry has answered."""

    name: str
    state: State = "running"
    done_bytes: int = 0
    total_bytes: int = 0
    code: str = ""


class ModelPulls:
    """The newest pull of this process; it goes on whoever looks. `free_bytes` is None where nobody knows."""

    def __init__(self, model: Model, *, free_bytes: Callable[[], int | None]) -> None:
        self._model = model
        self.free_bytes = free_bytes
        self.current: Pull | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self.current is not None and self.current.state == "running"

    def start(self, name: str) -> None:
        """Begin to fetch a model.

        Raises:
            ModelError: `model_busy` (another one is being fetched), `no_space`, `model_missing` (no name, or one of the
                cloud, which would send every prompt to another machine).
        """
        if self.is_running:
            raise ModelError("model_busy", "Another model is being fetched.", retry=True)
        self._refuse_without_room(0)
        self.current = Pull(full_name(name))
        self._task = asyncio.create_task(self._run(self.current), name="pull")

    def end(self) -> None:
        """Stop fetching; what has come stays with the model server, and another try goes on from there."""
        if self._task is not None:
            self._task.cancel()

    async def wait(self) -> None:
        """Return when nothing is being fetched any more."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self, pull: Pull) -> None:
        try:
            async with aclosing(self._model.pull(pull.name)) as steps:
                async for step in steps:
                    if step.total_bytes != pull.total_bytes:
                        self._refuse_without_room(step.total_bytes - step.done_bytes)
                    pull.done_bytes, pull.total_bytes = step.done_bytes, step.total_bytes
            await self._model.describe(pull.name)
            pull.state = "done"
        except asyncio.CancelledError:
            pull.state = "ended"
        except ModelError as error:
            pull.state, pull.code = "failed", error.code
        except Exception:  # outermost frame of its task: whoever watches would wait for ever
            logger.exception("a pull ended by a fault of this program")
            pull.state, pull.code = "failed", "internal"

    def _refuse_without_room(self, needed: int) -> None:
        free = self.free_bytes()
        if free is not None and needed + RESERVE_BYTES > free:
            raise ModelError("no_space", "There is not enough room on the disk.")


def free_bytes(directory: Path) -> int | None:
    """Return the free bytes of the disk that a directory is on, or None where it is not to be seen from here."""
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None

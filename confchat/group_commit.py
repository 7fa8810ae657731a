"""Writes of many sessions in few transactions: what waits while one commits goes into the next together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from django.db import Error as DatabaseFault
from django.db import transaction

from confchat.errors import RequestError

Result = TypeVar("Result")
Job = Callable[[], Any]

logger = logging.getLogger(__name__)


class GroupCommit:
    """Runs jobs that block on the database, in order, in its thread. What returned is durable."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Job, asyncio.Future[Any]]] = []
        self._task: asyncio.Task[None] | None = None

    async def run(self, job: Callable[[], Result]) -> Result:
        """Run a job in a transaction shared with others, undone alone if it fails; return or raise as it does.

        Raises:
            RequestError: `not_stored`: the database did not take it, or could not be read.
        """
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, done))
        if self._task is None:
            self._task = asyncio.create_task(self._drain(), name="group commit")
        try:
            return await done
        except DatabaseFault as error:
            logger.warning("the database failed: %s", type(error).__name__)
            raise RequestError("not_stored", retry=True) from error

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                outcomes = await database_sync_to_async(_run_all)([job for job, _ in batch])
            except Exception as error:  # noqa: BLE001  # the task's outermost frame: whoever waits must hear of it
                outcomes = [error] * len(batch)
            for (_, done), outcome in zip(batch, outcomes, strict=True):
                if not done.cancelled():
                    if isinstance(outcome, Exception):
                        done.set_exception(outcome)
                    else:
                        done.set_result(outcome)
        self._task = None


def _run_all(jobs: Sequence[Job]) -> list[Any]:
    """Return what each job returned or raised; all that returned is committed when this does."""
    with transaction.atomic():
        return [_run_one(job) for job in jobs]


def _run_one(job: Job) -> Any:
    try:
        with transaction.atomic():
            return job()
    except Exception as error:  # noqa: BLE001  # handed to who asked; the jobs beside this one go on
        return error

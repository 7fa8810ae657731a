"""What is due is deleted, whether or not anybody is here: what nobody brought back, and what is over its time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from confchat.accounts.quotas import forget_old_usage, release_reserved
from confchat.deletion import delete_due, delete_expired
from confchat.deployment import Deployment
from confchat.documents.desk import Desk
from confchat.errors import RequestError

DUE_EVERY_S = 1.0
EXPIRED_EVERY_S = 60.0
USAGE_EVERY_S = 3600.0

logger = logging.getLogger(__name__)


async def keep_house(deployment: Deployment) -> None:
    """Delete what is due, again and again, until cancelled; a database that fails is asked again later."""
    await _release_reserved(deployment)
    await asyncio.gather(
        _repeat(deployment, delete_due, every_s=DUE_EVERY_S),
        _repeat(deployment, delete_expired, every_s=EXPIRED_EVERY_S),
        _repeat(deployment, forget_old_usage, every_s=USAGE_EVERY_S),
        _clear_desk(deployment.desk),
    )


async def _release_reserved(deployment: Deployment) -> None:
    """Free what answers of an earlier start had set aside; once, since this start's own begin right after."""
    try:
        await deployment.writes.run(release_reserved)
    except RequestError:
        logger.warning("tokens that were set aside before this start stay so until the day ends")


async def _clear_desk(desk: Desk) -> None:
    """Let go of files that were attached and never sent."""
    while True:
        await asyncio.sleep(EXPIRED_EVERY_S)
        desk.forget_old()


async def _repeat(deployment: Deployment, delete: Callable[[], int], *, every_s: float) -> None:
    while True:
        try:
            while await deployment.writes.run(delete):
                deployment.log.wake()
        except RequestError:
            logger.warning("what is due could not be deleted; it is tried again")
        await asyncio.sleep(every_s)

"""One round of the watch: what was found is written down, and whoever was not told yet is told."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from attestation.errors import UnavailableError
from attestation.watch.channels import Channel
from attestation.watch.concerns import mark_told, record_look, untold
from attestation.watch.findings import Look
from attestation.watch.notices import MAX_CHANGES, Notice

logger = logging.getLogger(__name__)


def finish_round(look: Look, *, channels: Sequence[Channel], deployment: str, settle: timedelta) -> bool:
    """Record a look and tell what changed; return whether everybody knows everything.

    A channel that fails is tried again in the next round, with what has come by then.
    """
    record_look(look, channels=[channel.name for channel in channels], settle=settle)
    told = [_tell(channel, deployment=deployment, at=look.at) for channel in channels]
    return all(told)


def _tell(channel: Channel, *, deployment: str, at: datetime) -> bool:
    changes = untold(channel.name, most=MAX_CHANGES)
    if not changes:
        return True
    try:
        channel.send(Notice(deployment=deployment, at=at, changes=changes))
    except UnavailableError as error:
        logger.warning("%s: nobody was told of %d changes: %s", channel.name, len(changes), error)
        return False
    mark_told(channel.name, changes)
    return True

"""Verifying many records again: in short steps that anybody may ask for, each of which is kept."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from attestation.again import own_anchors, verify_again
from attestation.errors import MalformedError
from attestation.models import Attestation, LogCheckpoint, VerifyRun
from attestation.offline import Verification, verify_bundle
from attestation.records import find_attestation, list_attestations, read_bundle, read_json
from attestation.search import Wanted, newest_first
from attestation.verified import VerifiedCache

# One step ends after this much work, so that no request and no worker is held for long.
STEP_S = 0.3
PAGE_SIZE = 10
MOST_FOUND = 100
# An entry waits for its checkpoint for less than that, or the log cannot be signed at all.
SIGNED_WITHIN = timedelta(minutes=1)

# What came of one record, worst first: it cannot be read, is not what stands in the log, would be judged otherwise
# than it was recorded, does not hold with today's lists; no checkpoint covers it yet; nothing speaks against it.
Finding = Literal["unreadable", "not in the log", "differs", "not good now", "not yet logged", "holds"]
FAULTS: tuple[Finding, ...] = ("unreadable", "not in the log", "differs", "not good now")


@dataclass
class Progress:
    """What one step found, before it is kept."""

    cursor: str
    reached_at: datetime | None
    counts: Counter[str]
    found: list[list[str]]
    is_last: bool = False
    cache: VerifiedCache = field(default_factory=VerifiedCache)


def begin_run(*, user: str, asked: str, wanted: Wanted, with_todays_lists: bool, now: datetime) -> VerifyRun:
    """Begin to verify all records that are wanted; nothing is verified yet."""
    times = newest_first(wanted).values_list("verdict_at", flat=True)
    newest = times.first()
    return VerifyRun.objects.create(
        id=uuid.uuid4(),
        user_id=user,
        asked=asked,
        with_todays_lists=with_todays_lists,
        began_at=now,
        newest_at=newest,
        oldest_at=times.reverse().first(),
        ended_at=now if newest is None else None,
    )


def go_on(
    run: VerifyRun,
    wanted: Wanted,
    *,
    now: datetime,
    clock: Callable[[], float] = time.monotonic,
    step_s: float = STEP_S,
) -> None:
    """Verify some more records of a run and keep what was found; what somebody else did meanwhile stands.

    Raises:
        ConfigurationError: a key of this installation is missing.
    """
    if run.ended_at is not None:
        return
    before = run.cursor
    progress = Progress(before, run.reached_at, Counter(run.counts), list(run.found))
    ends = clock() + step_s
    while not progress.is_last and (progress.cursor == before or clock() < ends):
        _verify_page(run, wanted, progress, now=now)
    VerifyRun.objects.filter(pk=run.pk, cursor=before, ended_at=None).update(
        cursor=progress.cursor,
        reached_at=progress.reached_at,
        counts=dict(progress.counts),
        found=progress.found[:MOST_FOUND],
        ended_at=now if progress.is_last else None,
    )


def share_done(run: VerifyRun) -> float:
    """Return how much of the time that the run spans it has gone through, 0 to 1."""
    if run.ended_at is not None:
        return 1.0
    if run.reached_at is None or run.newest_at is None or run.oldest_at is None or run.newest_at == run.oldest_at:
        return 0.0
    return min(max((run.newest_at - run.reached_at) / (run.newest_at - run.oldest_at), 0.0), 1.0)


def _verify_page(run: VerifyRun, wanted: Wanted, progress: Progress, *, now: datetime) -> None:
    page = list_attestations(wanted=wanted, before=progress.cursor or None, size=PAGE_SIZE)
    for listed in page.records:
        attestation = find_attestation(listed.pk)
        finding, check = _judge(run, attestation, progress.cache, now=now)
        progress.counts[finding] += 1
        progress.reached_at = attestation.verdict_at
        if finding in FAULTS:
            progress.found.append([str(attestation.pk), finding, check])
    progress.is_last = page.next is None
    progress.cursor = page.next or progress.cursor


def _judge(run: VerifyRun, attestation: Attestation, cache: VerifiedCache, *, now: datetime) -> tuple[Finding, str]:
    """Return what comes of one record, and the check that makes it so where one does."""
    try:
        if run.with_todays_lists:
            verification = verify_again(attestation, now=now, cache=cache).verification
        else:
            verification = verify_bundle(
                read_bundle(attestation), anchors=own_anchors(attestation), at=None, cache=cache
            )
    except MalformedError:
        return "unreadable", ""
    if verification.logged.status == "fail" or (verification.bundle.log is None and _should_be_logged(attestation)):
        return "not in the log", ""
    if differing := _differing(read_json(attestation.checks), verification):
        return "differs", differing
    if verification.now is not None and verification.now.reason is not None:
        return "not good now", verification.now.reason.id
    return ("holds" if verification.logged.status == "pass" else "not yet logged"), ""


def _should_be_logged(attestation: Attestation) -> bool:
    """Say whether a checkpoint was signed so long after a record that it would cover the record's entry."""
    return LogCheckpoint.objects.filter(signed_at__gt=attestation.verdict_at + SIGNED_WITHIN).exists()


def _differing(recorded: list[dict[str, Any]], verification: Verification) -> str:
    """Return the first check that was recorded as passed and fails, or the other way round; empty where there is none.

    What nobody can know later (whose question it was) is no difference.
    """
    statuses = {check["id"]: check["status"] for check in recorded}
    pairs = ((check.id, {check.status, statuses.get(check.id)}) for check in verification.then.checks)
    return next((name for name, both in pairs if both == {"pass", "fail"}), "")

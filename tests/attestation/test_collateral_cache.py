"""Collateral kept fresh in the background, and how it stands."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from attestation.collateral_cache import CollateralCache
from attestation.collateral_set import EXPIRING_S, STALE_S, CollateralStanding
from tests.collateral_service import (
    GOOD,
    MAX_AGE_S,
    NOW,
    PLATFORM,
    QUOTE,
    Clock,
    Make,
    Service,
    age_of,
    caches,
)

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def make(service: Service, clock: Clock) -> AsyncIterator[Make]:
    async with caches(service, clock) as make:
        yield make


@pytest.fixture
async def cache(make: Make) -> AsyncIterator[CollateralCache]:
    """Give a cache that has a set, and somebody who keeps it fresh."""
    cache = make()
    await cache.collateral_for(QUOTE)
    keeping = asyncio.create_task(cache.keep_fresh(every_s=0.01))
    yield cache
    keeping.cancel()


async def test_set_is_fetched_anew_before_anybody_must_wait_for_it(
    cache: CollateralCache, service: Service, clock: Clock
) -> None:
    newer = PLATFORM.collateral(LATER)
    service.publish(newer)
    await asyncio.sleep(0.05)
    assert len(service.asked) == 4, "a young set was asked for again"
    clock.passed_s = MAX_AGE_S / 2
    await asyncio.sleep(0.1)
    assert len(service.asked) == 8
    assert await cache.collateral_for(QUOTE) == newer
    assert age_of(cache) == 0


async def test_failing_refresh_is_said_once_and_makes_no_request_wait(
    cache: CollateralCache, service: Service, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    service.fail()
    clock.passed_s = MAX_AGE_S / 2
    with caplog.at_level(logging.INFO, logger="attestation.collateral_cache"):
        await asyncio.sleep(0.1)
        tried = len(service.asked)
        service.delay_s = 5
        async with asyncio.timeout(1):
            assert await cache.collateral_for(QUOTE) == GOOD
        service.delay_s = 0
        service.publish(GOOD)
        await asyncio.sleep(0.1)
    assert tried > 8
    assert [record.levelname for record in caplog.records][:1] == ["WARNING"]
    assert len(caplog.records) <= 2, "the same failure was said again"


async def test_older_evaluation_never_replaces_a_good_set_in_the_background(
    cache: CollateralCache, service: Service, clock: Clock
) -> None:
    service.publish(PLATFORM.collateral(LATER, tcb_info=PLATFORM.tcb_info(LATER, evaluation_number=17)))
    clock.passed_s = MAX_AGE_S / 2
    await asyncio.sleep(0.1)
    assert len(service.asked) > 4
    assert await cache.collateral_for(QUOTE) == GOOD


async def test_age_on_disk_is_that_of_the_last_answer(make: Make, clock: Clock, tmp_path: Path) -> None:
    cache = make(directory=tmp_path)
    await cache.collateral_for(QUOTE)
    clock.passed_s = MAX_AGE_S
    await cache.collateral_for(QUOTE)
    (path,) = tmp_path.iterdir()
    assert json.loads(path.read_bytes())["fetched_at"] == clock.now().timestamp()


async def test_end_is_that_of_the_first_part(make: Make) -> None:
    cache = make()
    assert cache.standing() is None
    await cache.collateral_for(QUOTE)
    standing = cache.standing()
    assert standing is not None
    lists = (json.loads(GOOD.tcb_info), json.loads(GOOD.qe_identity))
    assert standing.expires_at.isoformat() <= min(part["nextUpdate"] for part in lists).replace("Z", "+00:00")
    assert (standing.fault, standing.warning) == ("", "")


@pytest.mark.parametrize(
    ("age_s", "left_s", "fault", "warning"),
    [
        (STALE_S, EXPIRING_S, "", ""),
        (STALE_S + 1, EXPIRING_S, "", "collateral_stale"),
        (0, EXPIRING_S - 1, "", "collateral_expiring"),
        (0, 0, "collateral_expired", "collateral_expiring"),
    ],
)
def test_old_and_ending_collateral_is_told_apart(age_s: float, left_s: float, fault: str, warning: str) -> None:
    standing = CollateralStanding(age_s=age_s, expires_at=NOW + timedelta(seconds=left_s), now=NOW)
    assert (standing.fault, standing.warning) == (fault, warning)

"""A running server's log: signed for many at once, in nobody's way, and not attested over once it was set back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from attestation.encoding import b64decode
from attestation.errors import ConfigurationError
from attestation.log.keeper import LogKeeper
from attestation.log.merkle import verify_consistency
from attestation.models import LogCheckpoint, LogEntry, LogHead
from tests.attestation.log_scene import ORIGIN, build_signer, grow

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keeper(tmp_path: Path) -> LogKeeper:
    return build_keeper(tmp_path)


def build_keeper(directory: Path, *, policy: str = "a") -> LogKeeper:
    return LogKeeper(build_signer(directory), origin=ORIGIN, policy={"policy": policy}, group_s=0.05)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)


async def append(keeper: LogKeeper, *, start: int) -> None:
    await sync_to_async(grow)(1, start=start)
    keeper.wake()


async def test_a_start_says_its_policy_before_anything_else_and_once(tmp_path: Path, keeper: LogKeeper) -> None:
    await asyncio.gather(keeper.begin(), keeper.begin())
    await keeper.begin()
    assert keeper.checkpoint().size == 1
    again = build_keeper(tmp_path)
    assert again.checkpoint() == keeper.checkpoint()
    await again.begin()
    assert again.checkpoint().size == 1
    other = build_keeper(tmp_path, policy="b")
    await other.begin()
    assert other.checkpoint().size == 2


async def test_what_a_request_wrote_is_signed_when_the_request_is_over(keeper: LogKeeper) -> None:
    """A request whose middleware is synchronous lends its thread to the database, and takes it away when it ends."""

    async def request() -> None:
        await append(keeper, start=0)

    await sync_to_async(async_to_sync(request))()
    await until(lambda: keeper.checkpoint().size == 1)


async def test_many_entries_are_signed_for_together(keeper: LogKeeper) -> None:
    for start in range(10):
        await append(keeper, start=start)
    await until(lambda: keeper.checkpoint().size == 10)
    assert await LogCheckpoint.objects.acount() < 10


async def test_what_comes_while_one_is_signed_is_signed_next(keeper: LogKeeper) -> None:
    for start in range(5):
        await append(keeper, start=start)
        await asyncio.sleep(0.04)
    await until(lambda: keeper.checkpoint().size == 5)


async def test_a_client_is_given_the_proof_from_its_own_view(keeper: LogKeeper) -> None:
    await append(keeper, start=0)
    await until(lambda: keeper.checkpoint().size == 1)
    old = keeper.checkpoint()
    await append(keeper, start=1)
    await until(lambda: keeper.checkpoint().size == 2)
    new = keeper.checkpoint()
    given = await keeper.prove_consistency((old.size, old.root), size=new.size)
    assert given is not None
    verify_consistency(
        old_size=old.size,
        old_root=old.root,
        new_size=new.size,
        new_root=new.root,
        proof=[b64decode(node, size=32) for node in given],
    )
    for view in (None, (new.size, new.root), (new.size + 1, new.root)):
        assert await keeper.prove_consistency(view, size=new.size) is None


async def test_nothing_is_attested_over_a_database_that_was_set_back(
    keeper: LogKeeper, caplog: pytest.LogCaptureFixture
) -> None:
    await append(keeper, start=0)
    await append(keeper, start=1)
    await until(lambda: keeper.checkpoint().size == 2)
    await LogEntry.objects.filter(index=1).adelete()
    await LogHead.objects.aupdate(size=1)
    with caplog.at_level(logging.CRITICAL):
        keeper.wake()
        await until(lambda: bool(caplog.records))
    with pytest.raises(ConfigurationError, match="was set back"):
        keeper.checkpoint()

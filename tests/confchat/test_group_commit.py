"""Writes of many sessions in one transaction: one that fails fails alone, and the next ones go on."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from confchat.errors import RequestError
from confchat.group_commit import GroupCommit
from confchat.models import User

pytestmark = pytest.mark.django_db(transaction=True)

WAIT_S = 10


def add_user(name: str) -> str:
    User.objects.create(id=uuid.uuid4(), username=name)
    return name


def refuse() -> None:
    add_user("never kept")
    raise RequestError("not_found")


def overflow() -> None:
    add_user("never kept either")
    raise OverflowError("a fault of this program, not of the database")


@pytest.mark.parametrize(("job", "error"), [(refuse, RequestError), (overflow, OverflowError)])
async def test_a_job_that_fails_takes_no_other_with_it(job: object, error: type[Exception]) -> None:
    writes = GroupCommit()
    async with asyncio.timeout(WAIT_S):
        first, failed, last = await asyncio.gather(
            writes.run(lambda: add_user("first")),
            writes.run(job),  # type: ignore[arg-type]
            writes.run(lambda: add_user("last")),
            return_exceptions=True,
        )
        assert (first, type(failed), last) == ("first", error, "last")
        assert await writes.run(lambda: add_user("later")) == "later"
    assert {user.username async for user in User.objects.all()} == {"first", "last", "later"}

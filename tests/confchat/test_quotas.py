"""How much may be used in a day: whose word counts, that nothing is given twice, and that the day's end opens again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from pytest_django import Settings

from confchat.accounts.models import Allowance, Usage
from confchat.accounts.quotas import (
    KEPT_DAYS,
    Grant,
    Limits,
    forget_old_usage,
    give_back,
    limits_of,
    release_reserved,
    settle,
    spend,
)
from confchat.errors import QuotaError
from confchat.models import User

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
AT_ONCE = 8


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna")


def ask(user: User, *, now: datetime = NOW, messages: int = 1, least: int = 100, wanted: int = 1000) -> Grant:
    with transaction.atomic():
        return spend(str(user.pk), now=now, messages=messages, least=least, wanted=wanted)


def test_ones_own_allowance_holds_before_groups_and_the_most_generous_group_before_the_installation(
    anna: User, settings: Settings
) -> None:
    settings.CONFCHAT_MESSAGES_A_DAY, settings.CONFCHAT_TOKENS_A_DAY = 3, 0
    assert limits_of(str(anna.pk)) == Limits(3, None)
    for name, messages, tokens in (("staff", 10, 5000), ("night shift", 20, 1000)):
        group = Group.objects.create(name=name)
        Allowance.objects.create(group=group, messages=messages, tokens=tokens)
        anna.groups.add(group)
    assert limits_of(str(anna.pk)) == Limits(20, 5000)
    anna.groups.add(Group.objects.create(name="without an allowance"))
    assert limits_of(str(anna.pk)) == Limits(20, 5000)
    Allowance.objects.filter(group__name="staff").update(messages=None)
    assert limits_of(str(anna.pk)) == Limits(None, 5000)
    Allowance.objects.create(user=anna, messages=1, tokens=None)
    assert limits_of(str(anna.pk)) == Limits(1, None)


def test_messages_end_with_the_allowance_and_begin_again_with_the_day(anna: User) -> None:
    Allowance.objects.create(user=anna, messages=2)
    assert [ask(anna).tokens for _ in range(2)] == [None, None]
    with pytest.raises(QuotaError) as refused:
        ask(anna)
    assert (refused.value.code, refused.value.until) == ("quota_exhausted", MIDNIGHT.timestamp())
    ask(anna, now=MIDNIGHT)
    assert [row.messages for row in Usage.objects.order_by("day")] == [2, 1]


def test_tokens_are_set_aside_before_an_answer_and_counted_after_it(anna: User) -> None:
    Allowance.objects.create(user=anna, tokens=1500)
    first, second = ask(anna), ask(anna)
    assert (first.tokens, second.tokens) == (1000, 500)
    with pytest.raises(QuotaError) as refused:
        ask(anna)
    assert (refused.value.code, refused.value.retry) == ("quota_reserved", True)
    settle(first, prompt_tokens=100, answer_tokens=50)
    assert ask(anna).tokens == 850
    settle(second, prompt_tokens=400, answer_tokens=100)
    row = Usage.objects.get()
    assert (row.prompt_tokens, row.answer_tokens, row.reserved_tokens) == (500, 150, 850)
    settle(second, prompt_tokens=0, answer_tokens=800)
    with pytest.raises(QuotaError) as exhausted:
        ask(anna)
    assert exhausted.value.code == "quota_exhausted"


def test_what_came_to_nothing_is_given_back(anna: User) -> None:
    Allowance.objects.create(user=anna, messages=1, tokens=1000)
    give_back(ask(anna))
    row = Usage.objects.get()
    assert (row.messages, row.prompt_tokens, row.reserved_tokens) == (0, 0, 0)
    assert ask(anna).tokens == 1000


def test_a_restart_frees_what_was_set_aside_and_keeps_what_was_counted(anna: User) -> None:
    Allowance.objects.create(user=anna, messages=5, tokens=1000)
    settle(ask(anna), prompt_tokens=10, answer_tokens=10)
    ask(anna)  # the process ends in the middle of this one
    release_reserved()
    row = Usage.objects.get()
    assert (row.messages, row.prompt_tokens, row.answer_tokens, row.reserved_tokens) == (2, 10, 10, 0)


@pytest.mark.parametrize(("messages", "tokens", "fitting"), [(5, None, 5), (None, 3500, 4)])
def test_who_asks_at_the_same_moment_overspends_nothing(
    anna: User, messages: int | None, tokens: int | None, fitting: int
) -> None:
    Allowance.objects.create(user=anna, messages=messages, tokens=tokens)
    together = threading.Barrier(AT_ONCE)

    def one(_number: int) -> int | None:
        together.wait(timeout=30)
        try:
            return ask(anna).tokens or 0
        except QuotaError:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        granted = [given for given in threads.map(one, range(AT_ONCE)) if given is not None]
    assert len(granted) == fitting
    assert sum(granted) == (tokens or 0)
    assert Usage.objects.get().messages == fitting


def test_counts_go_with_the_account_and_after_their_time(anna: User) -> None:
    today = datetime.now(UTC)
    ask(anna, now=today)
    ask(anna, now=today - timedelta(days=KEPT_DAYS))
    ask(anna, now=today - timedelta(days=KEPT_DAYS + 2))
    assert forget_old_usage() == 1
    grant = ask(anna, now=today)
    assert Usage.objects.count() == 2
    anna.delete()
    assert not Usage.objects.exists()
    settle(grant, prompt_tokens=1, answer_tokens=1)
    assert not Usage.objects.exists()

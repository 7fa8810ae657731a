"""How many messages and tokens a person may use in a day (UTC), counted without content.

A person's own allowance holds alone; else the most generous of his groups', messages and tokens each for itself; else
the installation's. Everything here blocks on the database; `spend` expects a transaction around it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.db.models import F, Q
from django.db.models.functions import Greatest

from confchat.accounts.models import Allowance, Usage
from confchat.errors import QuotaError

KEPT_DAYS = 90


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be used in a day; null is without a limit."""

    messages: int | None
    tokens: int | None


@dataclass(frozen=True, slots=True)
class Grant:
    """What one answer was allowed: `tokens` in all, for prompt and answer (null: as many as it takes)."""

    usage: int
    messages: int
    tokens: int | None


def installation_limits() -> Limits:
    """Return what holds for whoever has neither an own allowance nor a group with one."""
    messages, tokens = settings.CONFCHAT_MESSAGES_A_DAY, settings.CONFCHAT_TOKENS_A_DAY
    return Limits(messages or None, tokens or None)


def limits_of(user: str) -> Limits:
    """Return what holds for a person."""
    allowances = Allowance.objects.filter(Q(user_id=user) | Q(group__user=user))
    return weigh(allowances)


def weigh(allowances: Iterable[Allowance]) -> Limits:
    """Return what holds of a person's own allowance and those of his groups."""
    rows = list(allowances)
    own = [row for row in rows if row.user_id is not None]
    if own or not rows:
        return Limits(own[0].messages, own[0].tokens) if own else installation_limits()
    return Limits(_most(row.messages for row in rows), _most(row.tokens for row in rows))


def spend(user: str, *, now: datetime, messages: int = 1, least: int, wanted: int) -> Grant:
    """Count messages, and set tokens aside: `wanted`, or fewer where fewer are left, but never below `least`.

    Whoever asks at the same time waits for this transaction, so that nothing is given twice.

    Raises:
        QuotaError: `quota_exhausted`, until the day ends; `quota_reserved`: until an answer under way ends.
    """
    limits = limits_of(user)
    row, _ = Usage.objects.select_for_update().get_or_create(user_id=user, day=day_of(now))
    if messages and limits.messages is not None and row.messages + messages > limits.messages:
        raise QuotaError("quota_exhausted", until=_opens_at(now))
    granted = None
    if limits.tokens is not None:
        left = limits.tokens - row.prompt_tokens - row.answer_tokens
        granted = min(wanted, left - row.reserved_tokens)
        if left < least:
            raise QuotaError("quota_exhausted", until=_opens_at(now))
        if granted < least:
            raise QuotaError("quota_reserved", until=None)
    row.messages += messages
    row.reserved_tokens += granted or 0
    row.save(update_fields=["messages", "reserved_tokens"])
    return Grant(row.pk, messages, granted)


def settle(grant: Grant, *, prompt_tokens: int, answer_tokens: int) -> None:
    """Count what an answer took in the end; an account that is gone is not counted."""
    Usage.objects.filter(pk=grant.usage).update(
        prompt_tokens=F("prompt_tokens") + prompt_tokens,
        answer_tokens=F("answer_tokens") + answer_tokens,
        reserved_tokens=_without_reserved(grant),
    )


def give_back(grant: Grant) -> None:
    """Take back what was spent, since no word came of it."""
    Usage.objects.filter(pk=grant.usage).update(
        messages=Greatest(F("messages") - grant.messages, 0), reserved_tokens=_without_reserved(grant)
    )


def release_reserved() -> None:
    """Forget what answers of an earlier process had set aside: they ended with it."""
    Usage.objects.filter(reserved_tokens__gt=0).update(reserved_tokens=0)


def forget_old_usage() -> int:
    """Delete counts older than `KEPT_DAYS`; return how many."""
    return Usage.objects.filter(day__lt=day_of(datetime.now(UTC)) - timedelta(days=KEPT_DAYS)).delete()[0]


def day_of(now: datetime) -> date:
    """Return the day that is counted at a time: UTC's."""
    return now.astimezone(UTC).date()


def _without_reserved(grant: Grant) -> Greatest:
    return Greatest(F("reserved_tokens") - (grant.tokens or 0), 0)


def _opens_at(now: datetime) -> int:
    """Return the second at which the next day begins."""
    return int(datetime.combine(day_of(now) + timedelta(days=1), time(), UTC).timestamp())


def _most(limits: Iterable[int | None]) -> int | None:
    given = list(limits)
    return None if None in given else max(limit for limit in given if limit is not None)

"""What people used of the model: sums of days, by person, by group and of all. Numbers alone; nothing is content."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from confchat.accounts.models import Allowance, Usage
from confchat.accounts.quotas import Limits, weigh
from confchat.models import User

SPANS = (1, 7, 30)  # days, today included
COUNTED = ("messages", "prompt_tokens", "answer_tokens")
_FORMULA = ("=", "+", "-", "@")  # what a spreadsheet would calculate


def with_usage(rows: QuerySet[Any], *, through: str, today: date) -> QuerySet[Any]:
    """Return rows with the sums that `Usage` has of them, as `messages_7` or `tokens_30`; `through` leads there."""
    tokens = {f"tokens_{span}": F(f"prompt_tokens_{span}") + F(f"answer_tokens_{span}") for span in SPANS}
    summed: QuerySet[Any] = rows.annotate(**_sums(through, today)).annotate(**tokens)
    return summed


def people_usage(*, today: date) -> QuerySet[User]:
    """Return every account with its sums."""
    return with_usage(User.objects.all(), through="usage__", today=today)


def use_of(user: User, *, today: date) -> User:
    """Return one account with its sums."""
    return people_usage(today=today).get(pk=user.pk)


def groups_usage(*, today: date) -> QuerySet[Group]:
    """Return every group with its members' number and sums; who is in two groups counts in both."""
    groups = Group.objects.annotate(members=Count("user", distinct=True)).order_by("name")
    return with_usage(groups, through="user__usage__", today=today)


def total_usage(*, today: date) -> dict[str, int]:
    """Return the sums of all accounts."""
    sums: dict[str, int] = Usage.objects.aggregate(**_sums("", today))
    return sums | {f"tokens_{span}": sums[f"prompt_tokens_{span}"] + sums[f"answer_tokens_{span}"] for span in SPANS}


def limits_of_all(people: Iterable[User]) -> dict[Any, tuple[Limits, bool]]:
    """Return, by account, what holds of it, and whether that is its own; expects the groups to be prefetched."""
    people = list(people)
    own = {row.user_id: row for row in Allowance.objects.filter(user__in=people)}
    shared = {row.group_id: row for row in Allowance.objects.exclude(group=None)}
    found = {}
    for person in people:
        mine = [own[person.pk]] if person.pk in own else []
        theirs = [shared[group.pk] for group in person.groups.all() if group.pk in shared]
        found[person.pk] = weigh([*mine, *theirs]), bool(mine)
    return found


def build_csv(people: Iterable[User]) -> str:
    """Return a table for spreadsheets with one head; people as `people_usage` gives them, groups prefetched."""
    people = list(people)
    limits = limits_of_all(people)
    table = io.StringIO()
    writer = csv.writer(table)
    sums = [f"{name}_{span}" for span in SPANS for name in COUNTED]
    writer.writerow(["username", "groups", *sums, "messages_a_day", "tokens_a_day"])
    for person in people:
        allowed, _is_own = limits[person.pk]
        groups = " ".join(sorted(group.name for group in person.groups.all()))
        figures = [getattr(person, name) for name in sums]
        rest = ["" if limit is None else limit for limit in (allowed.messages, allowed.tokens)]
        writer.writerow([_plain(person.username), _plain(groups), *figures, *rest])
    return table.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _sums(through: str, today: date) -> dict[str, Coalesce]:
    return {
        f"{name}_{span}": Coalesce(
            Sum(f"{through}{name}", filter=Q(**{f"{through}day__gt": today - timedelta(days=span)})), 0
        )
        for span in SPANS
        for name in COUNTED
    }

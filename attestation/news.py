"""What is new or unknown in the history, for the person who looks at it: it stands above the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from attestation.measured import Measured
from attestation.models import Attestation, Concern, Visit
from attestation.search import Wanted, first_seen, known_values, newest_first
from attestation.watch.concerns import open_concerns

NEW_DAYS = 7
MOST_COUNTED = 100

# Whoever comes back within this time is still on the same visit.
_SAME_VISIT = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How many records have an outcome since some time, counted no further than 100."""

    outcome: str
    count: int

    @property
    def is_more(self) -> bool:
        """Whether there are more than were counted."""
        return self.count == MOST_COUNTED


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What came up lately. `since` is the end of the last visit, or a week ago."""

    since: datetime
    was_here_before: bool
    measured: list[Measured]
    releases: list[tuple[str, datetime]]
    faults: list[Faults]
    concerns: list[Concern]

    @property
    def is_quiet(self) -> bool:
        """Whether nothing stands in it."""
        return not (self.measured or self.releases or self.faults or self.concerns)


def read_news(measured: Sequence[Measured], *, visit: datetime | None, now: datetime) -> News:
    """Collect what was first seen within a week or that no release lists, and the faults since the last visit."""
    lately = now - timedelta(days=NEW_DAYS)
    since = visit or lately
    seen = [(version, first_seen(release_version=version)) for version in known_values("release_version")]
    return News(
        since=since,
        was_here_before=visit is not None,
        measured=[item for item in measured if item.first_at >= lately or not item.releases],
        releases=[(version, at) for version, at in seen if at is not None and at >= lately],
        faults=list(_faults(since)),
        concerns=open_concerns(),
    )


def begin_visit(user: str, *, now: datetime) -> datetime | None:
    """Write down that somebody looks at the history now; return when his last visit ended, None for a first one."""
    with transaction.atomic():
        visit, is_first = Visit.objects.select_for_update().get_or_create(
            user_id=user, defaults={"began_at": now, "seen_at": now}
        )
        if not is_first and now - visit.seen_at > _SAME_VISIT:
            visit.previous_at, visit.began_at = visit.seen_at, now
        visit.seen_at = now
        visit.save()
    return visit.previous_at


def _faults(since: datetime) -> list[Faults]:
    outcomes = (Attestation.Outcome.CONTRAINDICATED, Attestation.Outcome.NONE, Attestation.Outcome.WARNING)
    counted = (
        Faults(outcome=outcome, count=_count(Wanted(outcome=outcome, since=since), most=MOST_COUNTED))
        for outcome in outcomes
    )
    return [faults for faults in counted if faults.count]


def _count(wanted: Wanted, *, most: int) -> int:
    return len(newest_first(wanted).values_list("pk", flat=True)[:most])

"""Outcomes and latency over time: one value for each hour of a day, or for each day of a month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from attestation.models import Attestation
from attestation.search import Wanted, newest_first

SAMPLE = 100

_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How far an overview looks back, and in which steps."""

    name: str
    step: timedelta
    steps: int


SPANS = {
    span.name: span
    for span in (
        Span(name="day", step=timedelta(hours=1), steps=24),
        Span(name="month", step=timedelta(days=1), steps=30),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One hour or day: records by outcome, and how long verdicts took.

    The times are those of its newest 100 records: the middle one, and the one that 95 in 100 do not exceed.
    """

    begins_at: datetime
    counts: Mapping[str, int]
    middle_ms: int | None
    slow_ms: int | None

    @property
    def total(self) -> int:
        """How many records there are."""
        return sum(self.counts.values())


def read_steps(span: Span, *, now: datetime) -> list[Step]:
    """Return the steps of a span, the oldest first, the last not over yet; they begin with UTC hours or days."""
    last = _floor(now, span.step)
    return [_read_step(last - span.step * (span.steps - 1 - number), span.step) for number in range(span.steps)]


def _read_step(begins_at: datetime, step: timedelta) -> Step:
    ends_at = begins_at + step
    counts = {
        outcome: newest_first(Wanted(outcome=outcome, since=begins_at, until=ends_at)).order_by().count()
        for outcome in Attestation.Outcome.values
    }
    times = _latencies(Wanted(since=begins_at, until=ends_at)) if any(counts.values()) else []
    return Step(
        begins_at=begins_at, counts=counts, middle_ms=_share(times, percent=50), slow_ms=_share(times, percent=95)
    )


def _latencies(wanted: Wanted) -> list[int]:
    """Return how long the newest records' verdicts took from the question on, in milliseconds, in order."""
    times = newest_first(wanted).values_list("requested_at", "verdict_at")[:SAMPLE]
    return sorted((verdict_at - requested_at) // _MILLISECOND for requested_at, verdict_at in times)


def _share(ordered: list[int], *, percent: int) -> int | None:
    return ordered[(len(ordered) - 1) * percent // 100] if ordered else None


def _floor(at: datetime, step: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return at - (at - epoch) % step

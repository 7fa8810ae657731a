"""What operators were told and what they were not yet: the watch's memory, so that each change is told once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from attestation.models import Concern, WatchRound
from attestation.watch.findings import Finding, Look


@transaction.atomic
def record_look(look: Look, *, channels: Collection[str], settle: timedelta) -> None:
    """Write down what began and what ended; each is told on every one of `channels`.

    What comes and goes is one concern for as long as it stays away for less than `settle`. Where no evidence was
    given, nothing is known to have ended.
    """
    WatchRound.objects.update_or_create(pk=WatchRound.ONLY, defaults={"at": look.at, "outcome": look.outcome})
    present = {(concern.kind, concern.subject): concern for concern in Concern.objects.filter(ended_at=None)}
    for finding in look.findings:
        _see(finding, present.pop((finding.kind, finding.subject), None), at=look.at, channels=channels)
    for concern in present.values():
        if look.is_complete and look.at - concern.seen_at >= settle:
            _end(concern, at=look.at, channels=channels)


def open_concerns() -> list[Concern]:
    """Return what is the matter now, the gravest and oldest first."""
    return list(Concern.objects.filter(ended_at=None).order_by("severity", "began_at", "pk"))


def last_round() -> WatchRound | None:
    """Return when somebody last looked, and what was found; None where nobody ever did."""
    return WatchRound.objects.filter(pk=WatchRound.ONLY).first()


def untold(channel: str, *, most: int) -> list[Concern]:
    """Return the oldest changes that a channel was not told of yet."""
    waiting = (concern for concern in Concern.objects.exclude(untold=[]).order_by("pk") if channel in concern.untold)
    return [concern for _, concern in zip(range(most), waiting, strict=False)]


@transaction.atomic
def mark_told(channel: str, concerns: Sequence[Concern]) -> None:
    """Write down that a channel was told."""
    for concern in Concern.objects.select_for_update().filter(pk__in=[concern.pk for concern in concerns]):
        concern.untold = [name for name in concern.untold if name != channel]
        concern.save(update_fields=["untold"])


def _see(finding: Finding, known: Concern | None, *, at: datetime, channels: Collection[str]) -> None:
    now = {"severity": finding.severity, "facts": dict(finding.facts), "seen_at": at}
    if known is not None:
        Concern.objects.filter(pk=known.pk).update(**now)
        return
    # Somebody else, from cron, may see the same at the same moment.
    Concern.objects.get_or_create(
        kind=finding.kind,
        subject=finding.subject,
        ended_at=None,
        defaults={"began_at": at, "untold": sorted(channels), **now},
    )


def _end(concern: Concern, *, at: datetime, channels: Collection[str]) -> None:
    """End a concern; who was never told that it began need not hear that it is over."""
    concern.ended_at = at
    concern.untold = sorted(set(channels) - set(concern.untold))
    concern.save()

"""Searching the attestation history: what is looked for as one value, and queries that each walk one index.

No query here counts or sorts: of a million records it reads as many as it returns, and those that it passes over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from attestation.models import Attestation

MOST_VALUES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What records are looked for; None and empty mean all. `since` is included, `until` is not.

    `measurements` is the key of the shared part that holds them, 0 where there is none such.
    """

    user: str | None = None
    check: str = ""
    outcome: str = ""
    measurements: int | None = None
    release: str = ""
    model: str = ""
    verifier: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def columns(self) -> dict[str, Any]:
        """Return the columns that must have a value, the most selective first as far as that is known beforehand."""
        outcome = {"outcome": self.outcome} if self.outcome else {}
        faults = outcome if self.outcome != Attestation.Outcome.AFFIRMING else {}
        columns = {
            "user_id": self.user,
            "failing_check": self.check or None,
            **faults,
            "measurements_id": self.measurements,
            "release_version": self.release or None,
            "model_name": self.model or None,
            "verifier_kind": self.verifier or None,
            **outcome,
        }
        return {name: value for name, value in columns.items() if value is not None}


def newest_first(wanted: Wanted) -> QuerySet[Attestation]:
    """Return the records that are wanted, newest first.

    Only the first column may lead the database to an index: the others are compared row by row, so that no planner
    without statistics takes an index that leads through half of the table.
    """
    found = Attestation.objects.order_by("-verdict_at", "-id")
    for number, (name, value) in enumerate(wanted.columns().items()):
        if number:
            found = found.alias(**{f"read_{name}": Coalesce(name, name)})
        found = found.filter(**{f"read_{name}" if number else name: value})
    if wanted.since is not None:
        found = found.filter(verdict_at__gte=wanted.since)
    return found if wanted.until is None else found.filter(verdict_at__lt=wanted.until)


def known_values(column: str) -> list[Any]:
    """Return the values of an indexed column, at most 100, without empty ones; one seek for each."""
    found = Attestation.objects.order_by(column).values_list(column, flat=True)
    values: list[Any] = []
    following = found.exclude(**{f"{column}__isnull": True}).first()
    while following is not None and len(values) < MOST_VALUES:
        values.append(following)
        following = found.filter(**{f"{column}__gt": following}).first()
    return [value for value in values if value != ""]


def first_seen(**column: Any) -> datetime | None:
    """Return when a value of an indexed column was seen first."""
    return (
        Attestation.objects.filter(**column).order_by("verdict_at", "id").values_list("verdict_at", flat=True).first()
    )


def last_seen(**column: Any) -> datetime | None:
    """Return when a value of an indexed column was seen last."""
    newest = Attestation.objects.filter(**column).order_by("-verdict_at", "-id")
    return newest.values_list("verdict_at", flat=True).first()

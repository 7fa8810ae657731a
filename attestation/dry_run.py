"""A dry run: what another policy would have said of the machines of the past. Nothing is changed by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from attestation.again import own_anchors
from attestation.bundle import Bundle
from attestation.errors import MalformedError
from attestation.models import Attestation
from attestation.offline import LASTING, Anchors, verify_bundle
from attestation.records import find_attestation, list_attestations, read_bundle
from attestation.search import Wanted
from attestation.verified import VerifiedCache

# So many records are judged for one page, about a second's work; the next page goes on with older ones.
MOST_TRIED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One record that another policy judges differently, and the checks that make the difference."""

    attestation: Attestation
    kind: Literal["refused", "accepted"]
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What came of one page of records. `unreadable` ones name no time at which they could be judged."""

    tried: int
    unreadable: int
    differences: list[Difference]
    next: str | None

    @property
    def by_check(self) -> list[tuple[str, int]]:
        """How many records each check makes a difference for, the most first."""
        return Counter(check for item in self.differences for check in item.checks).most_common()


def try_policy(change: Callable[[Anchors], Anchors], *, wanted: Wanted, before: str | None = None) -> DryRun:
    """Judge records with their own lists at their own time, by today's policy and by a changed one.

    Only checks of the machine and its software take part: what was true for minutes no policy changes.

    Raises:
        MalformedError: `before` is no cursor.
        ConfigurationError: the changed policy is none that records could be compared with.
    """
    page = list_attestations(wanted=wanted, before=before, size=MOST_TRIED)
    cache = VerifiedCache()
    differences: list[Difference] = []
    unreadable = 0
    for listed in page.records:
        attestation = find_attestation(listed.pk)
        bundle, anchors = read_bundle(attestation), own_anchors(attestation)
        try:
            today, changed = (_faults(bundle, each, cache) for each in (anchors, change(anchors)))
        except MalformedError:
            unreadable += 1
            continue
        differences += _difference(attestation, today, changed)
    return DryRun(tried=len(page.records), unreadable=unreadable, differences=differences, next=page.next)


def _faults(bundle: Bundle, anchors: Anchors, cache: VerifiedCache) -> frozenset[str]:
    result = verify_bundle(bundle, anchors=anchors, at=None, cache=cache).then
    return frozenset(check.id for check in result.checks if check.status != "pass" and check.id in LASTING)


def _difference(attestation: Attestation, today: frozenset[str], changed: frozenset[str]) -> Iterable[Difference]:
    if bool(today) == bool(changed):
        return
    yield Difference(
        attestation=attestation, kind="refused" if changed else "accepted", checks=tuple(sorted(today ^ changed))
    )

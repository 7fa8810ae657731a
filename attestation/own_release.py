"""Which of the known releases a machine runs: while one is rolled out, an old and a new one are known at once."""

from __future__ import annotations

from collections.abc import Iterable

from attestation.quote import TdReport
from attestation.reference_values import ReferenceRelease


def own_release(
    report: TdReport, releases: Iterable[ReferenceRelease], *, compared: frozenset[str]
) -> ReferenceRelease | None:
    """Return the first release that this machine was started from, by the measurements that a policy compares.

    RTMR3 is left out: it changes after the start. This is what the machine says of itself, and proves nothing.
    """
    names = compared - {"rtmr3"}
    for release in releases:
        for reference in release.measurements:
            if all(getattr(report, name) == getattr(reference, name) for name in names):
                return release
    return None

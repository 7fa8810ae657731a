"""Which of the known releases a machine runs: while one is rolled out, an old and a new one are known at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attestation.quote import TdReport
from attestation.reference_values import Measurements, ReferenceRelease


def own_release(
    report: TdReport, releases: Iterable[ReferenceRelease], *, compared: frozenset[str], files: Mapping[str, str]
) -> ReferenceRelease | None:
    """Return the release that this machine was started from, by the measurements that a policy compares.

    Where several measure alike, as when only the program changed, it is the first with exactly these files (SHA-256
    in hex by path), else the first. RTMR3 is left out: it changes after the start. This is what the machine says of
    itself, and proves nothing.
    """
    names = compared - {"rtmr3"}
    alike = [release for release in releases if any(_is_of(report, item, names) for item in release.measurements)]
    same = [release for release in alike if dict(release.files) == dict(files)]
    return next(iter([*same, *alike]), None)


def _is_of(report: TdReport, reference: Measurements, names: frozenset[str]) -> bool:
    return all(getattr(report, name) == getattr(reference, name) for name in names)

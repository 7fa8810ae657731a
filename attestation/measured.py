"""The measurements that a deployment has shown: since when each, whether a release lists it, and what it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from attestation.models import SharedPart
from attestation.records import read_json
from attestation.reference_values import ReferenceRelease
from attestation.registers import Register, changed_registers, is_released
from attestation.search import first_seen, known_values, last_seen

_NAME_SIZE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One set of registers. `digest` is SHA-256 in hex; `releases` are the versions of the known releases that list it.

    `changed` compares it with the set seen before it, empty for the first.
    """

    part: int
    digest: str
    registers: Mapping[str, str]
    first_at: datetime
    last_at: datetime
    releases: tuple[str, ...]
    changed: tuple[Register, ...]

    @property
    def name(self) -> str:
        """What people call it: the first digits of its digest."""
        return self.digest[:_NAME_SIZE]


def list_measured(releases: Sequence[ReferenceRelease]) -> list[Measured]:
    """Return the sets of registers that were ever shown, at most 100, the newest first."""
    parts = SharedPart.objects.filter(pk__in=known_values("measurements_id"))
    seen = [(first_seen(measurements=part), part) for part in parts]
    ordered = sorted(((at, part) for at, part in seen if at is not None), key=lambda pair: (pair[0], pair[1].pk))
    registers = [read_json(part) for _, part in ordered]
    # The first is compared with itself: nothing changed.
    changes = [changed_registers(*pair) for pair in zip(registers[:1] + registers, registers, strict=False)]
    return [
        Measured(
            part=part.pk,
            digest=part.digest,
            registers=values,
            first_at=at,
            last_at=last_seen(measurements=part) or at,
            releases=_listed_by(values, releases),
            changed=changed,
        )
        for (at, part), values, changed in zip(ordered, registers, changes, strict=True)
    ][::-1]


def _listed_by(registers: Mapping[str, str], releases: Sequence[ReferenceRelease]) -> tuple[str, ...]:
    return tuple(
        release.version for release in releases if any(is_released(registers, item) for item in release.measurements)
    )

"""The overview as people read it: charts with their tables, and the measurements with what changed, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

from django.utils.translation import gettext as _

from attestation.charts import Chart, Part, stack_bars
from attestation.measured import Measured
from attestation.overview import Span, Step
from attestation.words import OUTCOME_WORDS

_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One register that changed: its name, what it stands for, and the first digits of both values."""

    name: str
    meaning: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """What the charts show of one step, as a line of a table; `label` is its beginning."""

    label: str
    counts: list[int]
    middle_ms: int | None
    slow_ms: int | None


def describe_overview(steps: Sequence[Step], measured: Sequence[Measured], *, span: Span) -> dict[str, Any]:
    """Return what the overview shows, as its template's context; `measured` is the newest first."""
    return {
        "span": span.name,
        "outcomes": stack_bars(steps, lambda step: [Part(step.counts[name], f"is-{name}") for name in OUTCOME_WORDS]),
        "latency": _latency(steps),
        "outcome_words": [{"style": f"is-{name}", "word": _(word)} for name, word in OUTCOME_WORDS.items()],
        "table": [_row(step, span) for step in steps],
        "total": sum(step.total for step in steps),
        "timeline": [
            {"item": item, "changes": _changes(earlier, item)} for item, earlier in zip_longest(measured, measured[1:])
        ],
    }


def _latency(steps: Sequence[Step]) -> Chart:
    def parts(step: Step) -> list[Part]:
        middle, slow = step.middle_ms or 0, step.slow_ms or 0
        return [Part(middle, "is-middle"), Part(slow - middle, "is-slow")]

    return stack_bars(steps, parts)


def _row(step: Step, span: Span) -> TableRow:
    return TableRow(
        label=_label(step.begins_at, span),
        counts=[step.counts[name] for name in OUTCOME_WORDS],
        middle_ms=step.middle_ms,
        slow_ms=step.slow_ms,
    )


def _label(at: datetime, span: Span) -> str:
    return f"{at:%Y-%m-%d}" if span.name == "month" else f"{at:%Y-%m-%d %H:%M}"


def _changes(earlier: Measured | None, item: Measured) -> list[Change]:
    if earlier is None:
        return []
    return [
        Change(
            name=register.name,
            meaning=_(register.meaning),
            before=earlier.registers.get(register.field, "")[:_DIGITS],
            after=item.registers.get(register.field, "")[:_DIGITS],
        )
        for register in item.changed
    ]

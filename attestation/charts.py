"""Charts as numbers for a template: columns of bars in a box that is 100 high and 10 wide for each column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

HEIGHT = 100
COLUMN = 10

_GAP = 1.5
# What is rare must be seen as well: no bar that stands for something is lower.
_LEAST = 2.0

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a column: how much, and the class that gives it its colour."""

    value: int
    style: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle, measured from the upper left corner."""

    x: float
    y: float
    width: float
    height: float
    style: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The bars of all columns; `most` is the value that the full height stands for."""

    width: int
    most: int
    bars: list[Bar]


def stack_bars(items: Sequence[Item], parts: Callable[[Item], Sequence[Part]]) -> Chart:
    """Stand the parts of each item on each other, the first at the bottom."""
    columns = [parts(item) for item in items]
    most = max((sum(part.value for part in column) for column in columns), default=0)
    bars = [bar for number, column in enumerate(columns) for bar in _stack(number, column, most=most)]
    return Chart(width=COLUMN * len(columns), most=most, bars=bars)


def _stack(number: int, column: Sequence[Part], *, most: int) -> list[Bar]:
    seen = [part for part in column if part.value]
    heights = [max(_LEAST, HEIGHT * part.value / most) for part in seen]
    # Where the least heights add up to too much, all give a little.
    scale = min(1.0, HEIGHT / sum(heights)) if heights else 1.0
    bars, top = [], float(HEIGHT)
    for part, height in zip(seen, heights, strict=True):
        top -= height * scale
        bars.append(
            Bar(
                x=COLUMN * number + _GAP,
                y=round(max(top, 0.0), 2),
                width=COLUMN - 2 * _GAP,
                height=round(height * scale, 2),
                style=part.style,
            )
        )
    return bars

"""Measurements go in; the coordinates of a small chart come out, which a template draws as SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT, MARGIN = 720, 160, 16


@dataclass(frozen=True)
class ChartPoint:
    """A point, and the ends of its interval, in the units of the drawing.

    Attributes:
        x: from the left.
        y: from the top.
        low: y of the interval's lower end; None without an interval.
        high: y of its upper end.
        label: what is read when it is pointed at.
    """

    x: float
    y: float
    low: float | None
    high: float | None
    label: str


@dataclass(frozen=True)
class Chart:
    """A line of points.

    Attributes:
        points: the oldest first; those without a value are left out.
        lowest: value at the lower end, as it is read.
        highest: value at the upper end.
    """

    points: tuple[ChartPoint, ...]
    lowest: str
    highest: str

    @property
    def line(self) -> str:
        """The points as SVG's polyline takes them."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


def draw_line(
    values: Sequence[float | None],
    labels: Sequence[str],
    form: str,
    intervals: Sequence[tuple[float | None, float | None]] | None = None,
) -> Chart | None:
    """Return the chart of some values; None if fewer than two of them are known.

    Args:
        values: None where nothing was measured.
        labels: one for each value.
        form: how a value is written, as `str.format` takes it.
        intervals: lower and upper ends, one pair for each value.
    """
    ends = intervals or [(None, None)] * len(values)
    known = [(index, value, ends[index]) for index, value in enumerate(values) if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    every = [number for _, value, pair in known for number in (value, *pair) if number is not None]
    lowest, highest = min(every), max(every)
    room = highest - lowest

    def height_of(number: float | None) -> float | None:
        # What never changes is drawn in the middle.
        share = None if number is None else (number - lowest) / room if room else 0.5
        return None if share is None else HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)

    step = (WIDTH - 2 * MARGIN) / max(1, len(values) - 1)
    points = tuple(
        ChartPoint(
            x=MARGIN + index * step,
            y=height_of(value) or 0.0,
            low=height_of(low),
            high=height_of(high),
            label=labels[index],
        )
        for index, value, (low, high) in known
    )
    return Chart(points, form.format(lowest), form.format(highest))

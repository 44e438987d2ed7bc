"""A row of measurements, as charts and the tables beside them take it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """What was measured at each point of a chart; None where nothing was.

    Attributes:
        name: what was measured.
        values: one for each point.
        low: lower ends of the intervals; empty without intervals.
        high: upper ends.
    """

    name: str
    values: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether anything was measured."""
        return any(value is not None for value in self.values)

"""Series go in; charts come out, which desk.js draws and a template writes as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.monitoring.series import Series

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tasks.monitoring.model_trends import ModelTrends
    from tasks.monitoring.run_evidence import Confusion, Curves

MEGA, KILO = 1e6, 1e3


@dataclass(frozen=True)
class Chart:
    """A chart, and the numbers in it.

    Attributes:
        title: what it shows.
        kind: lines, stack (of bars) or heat.
        axis: what the labels are: run, epoch or class.
        labels: of the points, in their order; of heat, of its columns and rows.
        series: a line or a row each.
        form: how values are written: percent, count, number, seconds or bytes.
        links: page of each point; empty if the points have none.
    """

    title: str
    kind: str
    axis: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    form: str
    links: tuple[str, ...] = ()

    @property
    def plain(self) -> dict[str, Any]:
        """What desk.js draws."""
        return {
            "kind": self.kind,
            "axis": self.axis,
            "form": self.form,
            "labels": self.labels,
            "links": self.links,
            "series": [
                {"name": each.name, "values": each.values, "low": each.low, "high": each.high}
                for each in self.series
            ],
        }

    @property
    def summary(self) -> str:
        """What is read aloud in place of the drawing."""
        return f"{self.title}: {len(self.labels)} points; the numbers are in the table below."

    def cell(self, series: Series, row: int) -> str:
        """Return a value as the table has it, with its interval if there is one."""
        value = series.values[row]
        if value is None:
            return ""
        text = written(value, self.form)
        low, high = (ends[row] if ends else None for ends in (series.low, series.high))
        if low is None or high is None:
            return text
        return f"{text} ({written(low, self.form)} to {written(high, self.form)})"


def written(value: float, form: str) -> str:
    """Return a value as people read it."""
    if form == "bytes":
        unit, name = (MEGA, "MB") if value >= MEGA else (KILO, "kB")
        return f"{value / unit:,.1f} {name}"
    return {"percent": "{:.2%}", "count": "{:,.0f}", "seconds": "{:,.1f} s"}.get(
        form, "{:.4g}"
    ).format(value)


def model_charts(trends: ModelTrends) -> list[Chart]:
    """Return the charts of a model's page; those of which nothing was measured are left out."""
    rows: list[tuple[str, str, Sequence[Series], str]] = [
        ("Accuracy on the test images, with its interval", "lines", [trends.accuracy], "percent"),
        ("Images", "lines", [trends.images], "count"),
        ("Shares of the classes", "lines", trends.shares, "percent"),
        ("Findings of the data gate, by rule", "stack", trends.findings, "count"),
        ("Drift, as its rules observed it", "lines", trends.drift, "number"),
        ("Duration, by stage", "stack", trends.seconds, "seconds"),
        ("Size on disk", "lines", trends.sizes, "bytes"),
    ]
    charts = [_over_runs(trends, title, kind, series, form) for title, kind, series, form in rows]
    return [chart for chart in charts if chart]


def accuracy_chart(trends: ModelTrends) -> Chart | None:
    """Return the chart of the first screen; None if fewer than two runs measured it."""
    series = trends.accuracy
    if sum(value is not None for value in series.values) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    return _over_runs(trends, "Accuracy of the last runs", "lines", [series], "percent")


def curve_charts(curves: Curves | None) -> list[Chart]:
    """Return the loss and the accuracy of a training over its epochs."""
    if curves is None:
        return []
    labels = tuple(map(str, curves.epochs))
    charts = [
        Chart(title, "lines", "epoch", labels, curves.of(word), form)
        for title, word, form in (
            ("Loss of the training", "loss", "number"),
            ("Accuracy in training", "accuracy", "percent"),
        )
    ]
    return [chart for chart in charts if chart.series]


def confusion_chart(confusion: Confusion | None) -> Chart | None:
    """Return the confusion matrix: a row is a class, a column what its images were taken for."""
    if confusion is None:
        return None
    rows = zip(confusion.classes, confusion.counts, strict=True)
    series = tuple(Series(label, counts) for label, counts in rows)
    return Chart(
        "Confusion matrix of the test images", "heat", "class", confusion.classes, series, "count"
    )


def _over_runs(
    trends: ModelTrends, title: str, kind: str, series: Sequence[Series], form: str
) -> Chart | None:
    known = tuple(each for each in series if each.is_known)
    if not known:
        return None
    labels = tuple(map(_label, trends.moments))
    links = tuple(f"/runs/{run_id}" for run_id in trends.run_ids)
    return Chart(title, kind, "run", labels, known, form, links)


def _label(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""

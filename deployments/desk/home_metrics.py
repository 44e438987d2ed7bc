"""Metrics of a home as a whole: its alarms, its disk, and how long its runs took."""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from tasks.errors import DamagedFileError
from tasks.monitoring.alarm_store import open_alarms, undelivered
from tasks.monitoring.disk_usage import disk_usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home

# From a run that finds nothing new to a night's training, seconds.
BUCKETS = (10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 28800)


class Alarms(Collector):
    """Counts alarms; one that can't be read has no number, as 0 would be good news."""

    def __init__(self, home: Home | None) -> None:
        self._home = home

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the open alarms of each model and severity, and what reached nobody."""
        count = GaugeMetricFamily(
            "pixelgate_alarms_open", "Open alarms.", labels=["model", "severity"]
        )
        lost = GaugeMetricFamily(
            "pixelgate_alarms_undelivered", "Messages that did not reach their receiver."
        )
        if self._home is not None:
            # Read first: a family with half of its numbers would be wrong.
            with contextlib.suppress(DamagedFileError):
                alarms = [each.alarm for each in open_alarms(self._home)]
                lost.add_metric([], undelivered(self._home))
                kinds = Counter((each.model, each.severity.value) for each in alarms)
                for labels, number in sorted(kinds.items()):
                    count.add_metric(labels, number)
        yield count
        yield lost


class Disk(Collector):
    """What fills the disk of a home, and what is free of it."""

    def __init__(self, home: Home | None) -> None:
        self._home = home

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the bytes by kind, and those that are free."""
        kinds = GaugeMetricFamily(
            "pixelgate_disk_bytes", "What fills the disk of the home.", labels=["kind"]
        )
        free = GaugeMetricFamily("pixelgate_disk_free_bytes", "What its disk has left.")
        if self._home is not None:
            usage = disk_usage(self._home)
            for kind, size in usage.kinds.items():
                kinds.add_metric([kind], size)
            free.add_metric([], usage.free)
        yield kinds
        yield free


class Durations(Collector):
    """How long the runs of each model took, as a histogram over all that are kept."""

    def __init__(self, runs: Sequence[RunSummary]) -> None:
        self._runs = runs

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield one histogram for each model."""
        family = HistogramMetricFamily(
            "pixelgate_run_duration_seconds", "Duration of the runs.", labels=["model"]
        )
        seconds = defaultdict(list)
        for run in self._runs:
            if run.name and run.stages:
                seconds[run.name].append(sum(stage.seconds for stage in run.stages))
        for model, values in sorted(seconds.items()):
            # Each value in the first bucket that holds it; the buckets are cumulative.
            counts = Counter(next((top for top in BUCKETS if each <= top), None) for each in values)
            tops = [*BUCKETS, None]
            sums = accumulate(counts[top] for top in tops)
            buckets = [
                ("+Inf" if top is None else f"{top:.1f}", count)
                for top, count in zip(tops, sums, strict=True)
            ]
            family.add_metric([model], buckets, sum(values))
        yield family

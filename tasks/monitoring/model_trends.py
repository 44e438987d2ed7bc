"""A model's runs go in; what was measured over them comes out, as charts take it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.inventory.columns import LABEL
from tasks.monitoring.series import Series
from tasks.monitoring.trends import trend_of
from tasks.outcome import Outcome
from tasks.runs.run_folder import INVENTORY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from tasks.monitoring.trends import TrendPoint
    from tasks.runs.summary import RunSummary

RUNS = 100
# So many lines are told apart by their colours.
LINES = 8
DRIFT = "drift"


@dataclass(frozen=True)
class ModelTrends:
    """What was measured over the last runs of a model, the oldest first.

    Attributes:
        run_ids: of the runs that ended.
        moments: of their ends, UTC.
        accuracy: on the test images, with its interval.
        images: files found.
        shares: of each class among the labelled images; of the largest classes, if there are many.
        findings: files that broke each rule of the data gate.
        drift: observed by each rule about drift.
        seconds: of each stage.
        sizes: bytes on disk of the run's folder, and of the model in it.
    """

    run_ids: tuple[str, ...]
    moments: tuple[datetime | None, ...]
    accuracy: Series
    images: Series
    shares: tuple[Series, ...]
    findings: tuple[Series, ...]
    drift: tuple[Series, ...]
    seconds: tuple[Series, ...]
    sizes: tuple[Series, ...]


def trends_of(summaries: Sequence[RunSummary], *, most: int = RUNS) -> ModelTrends:
    """Return what was measured over the last runs that ended.

    Args:
        summaries: of one model, the newest first.
        most: so many runs.
    """
    points = trend_of(summaries, most=most)
    ended = [each for each in summaries if each.outcome is not Outcome.UNFINISHED][:most][::-1]
    return ModelTrends(
        run_ids=tuple(point.run_id for point in points),
        moments=tuple(point.at for point in points),
        accuracy=accuracy_of(points),
        images=Series("images", tuple(point.images for point in points)),
        shares=_shares(ended),
        findings=_by_rule([_findings(run) if run.gate else None for run in ended], missing=0.0),
        drift=_by_rule([_drift(run) for run in ended], missing=None),
        seconds=_by_rule([_seconds(run) for run in ended], missing=None),
        sizes=_sizes(ended),
    )


def accuracy_of(points: Sequence[TrendPoint]) -> Series:
    """Return the accuracy of each run on its test images, with its interval."""
    return Series(
        "accuracy",
        tuple(point.accuracy for point in points),
        tuple(point.accuracy_low for point in points),
        tuple(point.accuracy_high for point in points),
    )


def _by_rule(
    rows: Sequence[dict[str, float] | None], *, missing: float | None
) -> tuple[Series, ...]:
    """Return one series for each name of the rows, those with the largest sums first.

    Args:
        rows: of a run each; None where nothing was measured.
        missing: value of a name that a row lacks.
    """
    totals: dict[str, float] = {}
    for row in rows:
        for name, value in (row or {}).items():
            totals[name] = totals.get(name, 0.0) + value
    names = sorted(totals, key=lambda name: -totals[name])[:LINES]
    return tuple(
        Series(name, tuple(None if row is None else row.get(name, missing) for row in rows))
        for name in names
    )


def _findings(run: RunSummary) -> dict[str, float]:
    found: dict[str, float] = {}
    for finding in run.gate:
        if not finding["success"]:
            # Some rules name no files: that they failed is one finding.
            count = found.get(finding["rule"], 0.0) + max(1, finding["offenders"])
            found[finding["rule"]] = count
    return found


def _drift(run: RunSummary) -> dict[str, float]:
    values: dict[str, float] = {}
    for finding in run.gate:
        value = finding.get("value")
        if finding["rule"].startswith(DRIFT) and value is not None:
            # A rule of several columns is as far off as the worst of them.
            values[finding["rule"]] = max(value, values.get(finding["rule"], value))
    return values


def _seconds(run: RunSummary) -> dict[str, float]:
    return {stage.name: stage.seconds for stage in run.stages}


def _shares(runs: Sequence[RunSummary]) -> tuple[Series, ...]:
    counts = [class_counts(run.directory / INVENTORY) for run in runs]
    shares = [
        {label: count / sum(row.values()) for label, count in row.items()} if row else None
        for row in counts
    ]
    return _by_rule(shares, missing=0.0)


def _sizes(runs: Sequence[RunSummary]) -> tuple[Series, ...]:
    sizes = [folder_sizes(run.directory) for run in runs]
    return (
        Series("folder of the run", tuple(total or None for total, _ in sizes)),
        Series("model in it", tuple(model or None for _, model in sizes)),
    )


def class_counts(file: Path) -> dict[str, int]:
    """Return the labelled images by class of a run's inventory; empty if it can't be read."""
    return _class_counts(file, _changed(file))


@functools.lru_cache(maxsize=2000)
def _class_counts(file: Path, _changed_at: int) -> dict[str, int]:
    # Not pandas, which takes seconds to import.
    import pyarrow as pa
    from pyarrow import parquet

    try:
        column = parquet.read_table(file, columns=[LABEL])[LABEL]
    except (OSError, pa.ArrowException, KeyError):
        return {}
    counted = column.drop_null().value_counts().to_pylist()
    return {str(each["values"]): int(each["counts"]) for each in counted}


def folder_sizes(folder: Path) -> tuple[int, int]:
    """Return the bytes of a run's folder, and those of its model; 0 for what isn't there."""
    # The model's folder too, as models of old runs may be removed to make room.
    return _folder_sizes(folder, (_changed(folder), _changed(folder / "model")))


@functools.lru_cache(maxsize=2000)
def _folder_sizes(folder: Path, _changed_at: tuple[int, int]) -> tuple[int, int]:
    files = [(file, file.stat().st_size) for file in folder.rglob("*") if file.is_file()]
    total = sum(size for _, size in files)
    return total, sum(size for file, size in files if file.suffix == ".keras")


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0

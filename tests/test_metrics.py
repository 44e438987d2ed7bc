"""Metrics of a home as a whole: durations of its runs, its disk, and what is overdue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from deployments.desk.prometheus import render_metrics
from tasks.monitoring.model_status import model_statuses
from tasks.monitoring.run_list import list_runs
from tasks.outcome import Outcome
from tasks.storage.home import Home
from tests.run_records import STAGES, write_run

if TYPE_CHECKING:
    from pathlib import Path


def samples(home: Home) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return labels and value of each sample that Prometheus would read."""
    runs = list_runs(home)
    text = render_metrics(model_statuses(home, runs), home, runs).decode()
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_durations_are_a_histogram_over_all_runs(tmp_path: Path) -> None:
    """Cumulative, one for each model; a run without stages took no time that is known."""
    home = Home("digits", tmp_path)
    for number in range(3):
        write_run(home, Outcome.PROMOTED, number=number + 1, hours_ago=9 - number)
    write_run(home, Outcome.FAILED, number=4, stages=[{"name": "inventory", "seconds": 7}])
    write_run(home, Outcome.FAILED, number=5, stages=[])
    found = samples(home)
    buckets = {
        labels["le"]: value for labels, value in found["pixelgate_run_duration_seconds_bucket"]
    }
    assert (buckets["10.0"], buckets["60.0"], buckets["120.0"], buckets["+Inf"]) == (1, 1, 4, 4)
    ((_, total),) = found["pixelgate_run_duration_seconds_sum"]
    assert round(total, 3) == round(3 * sum(STAGES.values()) + 7, 3)
    ((labels, count),) = found["pixelgate_run_duration_seconds_count"]
    assert (labels, count) == ({"model": "digits"}, 4)


def test_the_disk_is_measured_by_kind(tmp_path: Path) -> None:
    """What the runs hold grows with them."""
    home = Home("digits", tmp_path)
    run = write_run(home, Outcome.PROMOTED)
    (home.runs / run / "large.bin").write_bytes(bytes(2**20))
    found = samples(home)
    kinds = {labels["kind"]: value for labels, value in found["pixelgate_disk_bytes"]}
    assert kinds["runs"] >= 2**20
    ((_, free),) = found["pixelgate_disk_free_bytes"]
    assert free > 0


def test_what_has_no_schedule_is_not_late(tmp_path: Path) -> None:
    """And has no next run."""
    home = Home("digits", tmp_path)
    write_run(home, Outcome.PROMOTED)
    found = samples(home)
    assert found["pixelgate_late"] == [({"model": "digits"}, 0.0)]
    assert "pixelgate_next_run_timestamp_seconds" not in found

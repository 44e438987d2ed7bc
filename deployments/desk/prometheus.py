"""The models' status goes in; what Prometheus scrapes comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from deployments.desk.home_metrics import Alarms, Disk, Durations
from tasks.monitoring.model_status import Health
from tasks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.monitoring.in_production import Production
    from tasks.monitoring.model_status import ModelStatus
    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home

# Documented in docs/operations.md.
GAUGES = {
    "pixelgate_health": "0 healthy, 1 attention, 2 failing.",
    "pixelgate_last_run_start_timestamp_seconds": "When the last run that ended was started.",
    "pixelgate_last_run_end_timestamp_seconds": "When the last run ended.",
    "pixelgate_last_run_exit_code": "Exit code of the last run that ended.",
    "pixelgate_last_run_images": "Image files that the last run found.",
    "pixelgate_last_run_duration_seconds": "All stages of the last run together.",
    "pixelgate_run_in_progress": "1 while a run is in progress.",
    "pixelgate_champion_accuracy": "Accuracy of the version in production on its test images.",
    "pixelgate_champion_accuracy_low": "Lower end of its confidence interval.",
    "pixelgate_champion_age_seconds": "Time since the version came into production.",
    "pixelgate_waiting_for_approval": "Versions that wait for a person.",
    "pixelgate_late": "1 while a run is overdue by its schedule.",
    "pixelgate_next_run_timestamp_seconds": "When the next run is due by its schedule.",
}
LABELLED = {
    "pixelgate_last_run_outcome": ("outcome", "1 for the outcome of the last run that ended."),
    "pixelgate_last_run_stage_seconds": ("stage", "Duration of each stage of the last run."),
    "pixelgate_last_run_findings": ("rule", "Files that broke each failed rule of the data gate."),
}
ENDS = tuple(each for each in Outcome if each is not Outcome.UNFINISHED)


def render_metrics(
    statuses: Sequence[ModelStatus],
    home: Home | None = None,
    runs: Sequence[RunSummary] = (),
) -> bytes:
    """Return the metrics of all models in Prometheus' text format.

    Args:
        statuses: of the models.
        home: whose alarms are counted and whose disk is measured; None counts none.
        runs: all that are known, for the histogram of their durations.
    """
    registry = CollectorRegistry()
    registry.register(Alarms(home))
    registry.register(Disk(home))
    registry.register(Durations(runs))
    gauges = {
        name: Gauge(name, text, ["model"], registry=registry) for name, text in GAUGES.items()
    }
    labelled = {
        name: Gauge(name, text, ["model", label], registry=registry)
        for name, (label, text) in LABELLED.items()
    }
    for status in statuses:
        for name, value in _values(status).items():
            if value is not None:
                gauges[f"pixelgate_{name}"].labels(status.name).set(value)
        for name, values in _labelled(status).items():
            for label, value in values.items():
                labelled[f"pixelgate_last_run_{name}"].labels(status.name, label).set(value)
    return generate_latest(registry)


def _values(status: ModelStatus) -> dict[str, float | None]:
    return {
        "health": list(Health).index(status.health),
        "run_in_progress": float(status.running is not None),
        "waiting_for_approval": len(status.waiting),
        "late": float(status.late),
        "next_run_timestamp_seconds": status.due.timestamp() if status.due else None,
        **(_last_run(status.last) if status.last else {}),
        **(_champion(status.production) if status.production else {}),
    }


def _last_run(last: RunSummary) -> dict[str, float | None]:
    return {
        "last_run_start_timestamp_seconds": last.started.timestamp() if last.started else None,
        "last_run_end_timestamp_seconds": last.finished.timestamp() if last.finished else None,
        "last_run_exit_code": last.exit_code,
        "last_run_images": last.images,
        "last_run_duration_seconds": sum(stage.seconds for stage in last.stages),
    }


def _champion(production: Production) -> dict[str, float | None]:
    return {
        "champion_accuracy": production.accuracy,
        "champion_accuracy_low": production.accuracy_low,
        "champion_age_seconds": 86400 * production.age_days,
    }


def _labelled(status: ModelStatus) -> dict[str, dict[str, float]]:
    last = status.last
    if last is None:
        return {}
    return {
        "outcome": {each.value: float(each is last.outcome) for each in ENDS},
        "stage_seconds": {stage.name: stage.seconds for stage in last.stages},
        "findings": {
            finding["rule"]: finding["offenders"] for finding in last.gate if not finding["success"]
        },
    }

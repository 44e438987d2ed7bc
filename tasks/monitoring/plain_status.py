"""A model's status goes in; plain values, as JSON and templates take them, come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.monitoring.model_status import ModelStatus


def plain_status(status: ModelStatus) -> dict[str, Any]:
    """Return what `pixelgate status --json` prints of a model; documented in docs/operations.md."""
    production, last = status.production, status.last
    return {
        "name": status.name,
        "health": status.health.value,
        "sentence": status.sentence,
        "action": status.action,
        "champion": production.version if production else None,
        "champion_since": production.since.isoformat() if production else None,
        "accuracy": production.accuracy if production else None,
        "accuracy_low": production.accuracy_low if production else None,
        "accuracy_high": production.accuracy_high if production else None,
        "running": status.running,
        "last_run": last.run_id if last else None,
        "last_outcome": last.outcome.value if last else None,
        "last_finished": last.finished.isoformat() if last and last.finished else None,
        "waiting": list(status.waiting),
        "next_run": status.due.isoformat() if status.due else None,
        "late": status.late,
        "runs": [
            {"run": mark.run_id, "outcome": mark.outcome.value, "message": mark.message}
            for mark in status.strip
        ],
    }

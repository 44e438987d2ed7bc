"""Starts early what takes seconds to start: the process that reads files, and large imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.runtime.collector import collector_paused
from tasks.runtime.deferred_imports import defer_seldom_used
from tasks.runtime.reader_process import start_early

if TYPE_CHECKING:
    from tasks.config.schema import RetrainConfig


def start_reader() -> None:
    """Start the process that reads images, beside the imports of this one."""
    start_early("tasks.inventory.arrow_batches")


def import_gate() -> None:
    """Import what judges data, but for Great Expectations, which a kept verdict doesn't need."""
    defer_seldom_used()
    with collector_paused():
        import tasks.orchestration.gate_run  # noqa: F401


def import_flow(config: RetrainConfig) -> None:
    """Import what every run needs, which takes as long as the start of Prefect's server."""
    defer_seldom_used()
    with collector_paused():
        import flows.retrain  # noqa: F401
        import tasks.validation.data_gate  # noqa: F401
        from tasks.registry.mlflow_store import open_store

        open_store(config.paths, config.registry).import_library()
    start_reader()

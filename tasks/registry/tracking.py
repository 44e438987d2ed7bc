"""A trial of a search goes in; an MLflow run in the experiment <model>-tuning comes out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.registry.mlflow_store import ModelStore


def log_trial(
    store: ModelStore,
    name: str,
    *,
    tags: Mapping[str, str],
    parameters: Mapping[str, Any],
    metrics: Mapping[str, float],
) -> None:
    """Log one trial in the experiment <model>-tuning.

    Args:
        store: of the model.
        name: of the trial.
        tags: the study, and how the trial ended.
        parameters: the settings tried.
        metrics: its score, if it has one, and its seconds.
    """
    from mlflow.entities import Metric, Param

    run = store.client.create_run(
        store.experiment(f"{store.home.name}-tuning"), run_name=name, tags=dict(tags)
    )
    now = int(time.time() * 1000)
    store.client.log_batch(
        run.info.run_id,
        metrics=[Metric(key, value, now, 0) for key, value in metrics.items()],
        params=[Param(key, str(value)) for key, value in parameters.items()],
    )
    store.client.set_terminated(run.info.run_id)

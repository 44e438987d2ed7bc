"""Trials of a search go in; an MLflow run each comes out, in an experiment beside the model's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mlflow

from tasks.registry.store import experiment_of, open_store

if TYPE_CHECKING:
    from tasks.config import RetrainConfig
    from tasks.tuning.search import TrialResult


def log_trial(config: RetrainConfig, study: str, trial: TrialResult) -> None:
    """Log one trial: its settings as parameters, its score, and how it ended."""
    tuning = config.model_copy(update={"name": f"{config.name}-tuning"})
    with open_store(config):
        mlflow.set_experiment(experiment_id=experiment_of(tuning))
        tags = {"pixelgate.study": study, "pixelgate.trial_state": trial.state}
        with mlflow.start_run(run_name=f"{study} trial {trial.number}", tags=tags):
            mlflow.log_params(trial.settings)
            mlflow.log_metric("seconds", trial.seconds)
            if trial.val_accuracy is not None:
                mlflow.log_metric("val_accuracy", trial.val_accuracy)

"""Settings to search go in; trials, scored on the validation split alone, and the best come out."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import optuna
import pandas as pd
from optuna.trial import TrialState

from tasks.config.load import with_settings
from tasks.errors import PixelgateError, SettingsError, TrainingFailedError
from tasks.generators.inputs import build_inputs
from tasks.inventory.columns import fingerprint
from tasks.registry.embedded_database import database_uri
from tasks.registry.mlflow_store import open_store
from tasks.registry.tracking import log_trial
from tasks.reporting.figures import draw_trials
from tasks.runs.fingerprint import recipe_key
from tasks.runs.run_lock import run_lock
from tasks.storage.hashing import digest
from tasks.training.request import TrainingRequest
from tasks.training.worker import train_in_subprocess
from tasks.training.workspace import MONITORED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from optuna.distributions import BaseDistribution

    from tasks.config.schema import RetrainConfig
    from tasks.registry.mlflow_store import ModelStore

    OnTrial = Callable[["TrialResult"], None]

# States of trials that count: a failed one has said nothing about its settings.
SCORED = (TrialState.COMPLETE, TrialState.PRUNED)

log = logging.getLogger("pixelgate.tuning")


@dataclass(frozen=True)
class TrialResult:
    """One trial.

    Attributes:
        number: from 0.
        state: complete, pruned (stopped early, as it was behind the others) or fail.
        settings: dotted names and the values tried.
        val_accuracy: of its best epoch; None if no epoch ended.
        seconds: how long it took.
    """

    number: int
    state: str
    settings: dict[str, Any]
    val_accuracy: float | None
    seconds: float


@dataclass(frozen=True)
class SearchResult:
    """All trials of a search, and the best of them.

    Attributes:
        best: the trial with the best validation accuracy.
        trials: all of them, in their order.
        figure: PNG of the trials' scores.
        study: name of the Optuna study.
    """

    best: TrialResult
    trials: tuple[TrialResult, ...]
    figure: Path
    study: str


def search_settings(
    config: RetrainConfig,
    space: Mapping[str, BaseDistribution],
    inventory: pd.DataFrame,
    *,
    trials: int,
    on_trial: OnTrial,
) -> SearchResult:
    """Try settings until there are as many trials as requested; resume an interrupted search.

    A study is named by data, settings and search space: the same call finds it again, resumes the
    trial that was interrupted, and adds what is left. The test split is not touched. The first ten
    trials are random, as TPE begins; one far behind the others is stopped early. After as many
    failures as requested trials the search ends with what it has.

    Args:
        config: the settings all trials share.
        space: what `space.parse_space` returned.
        inventory: the images the data gate accepted.
        trials: how many there should be in the end, those of earlier calls included.
        on_trial: called after each.

    Raises:
        PixelgateError: a trial failed before any had a score; its error.
        RunInProgressError: the same model is being tuned already.
    """
    # A lock of its own, so that the model can be retrained on schedule meanwhile.
    with run_lock(config.paths.renamed(f"{config.name}-tuning")):
        folder, study = _open_study(config, space, fingerprint(inventory))
        _requeue_interrupted_trials(study)
        search = _Search(config, space, inventory, folder, study.study_name)
        failures = 0
        while failures < trials and len(study.get_trials(states=SCORED)) < trials:
            trial = study.ask(dict(space))
            failure = search.run(study, trial)
            result = _result_of(study.trials[trial.number])
            _log(open_store(config.paths, config.registry), study.study_name, result)
            on_trial(result)
            if failure is not None:
                failures += 1
                # Nothing has ever worked, so that more trials would fail the same way.
                if not study.get_trials(states=SCORED):
                    raise failure
        results = tuple(_result_of(trial) for trial in study.trials)
        figure = draw_trials([result.val_accuracy for result in results], folder / "trials.png")
    return SearchResult(_result_of(study.best_trial), results, figure, study.study_name)


def _log(store: ModelStore, study: str, trial: TrialResult) -> None:
    metrics = {"seconds": trial.seconds}
    if trial.val_accuracy is not None:
        metrics["val_accuracy"] = trial.val_accuracy
    log_trial(
        store,
        f"{study} trial {trial.number}",
        tags={"pixelgate.study": study, "pixelgate.trial_state": trial.state},
        parameters=trial.settings,
        metrics=metrics,
    )


@dataclass(frozen=True)
class _Search:
    config: RetrainConfig
    space: Mapping[str, BaseDistribution]
    inventory: pd.DataFrame
    folder: Path
    study: str

    def run(self, study: optuna.Study, trial: optuna.Trial) -> PixelgateError | None:
        """Train with a trial's settings and report to the study; return the error, if any."""
        # By settings, not by number: a trial queued again finds the training it had begun.
        key = digest([self.study, trial.params])
        workspace = self.config.paths.training(key)
        finished = self.config.paths.finished_training(key)

        def on_epoch(epoch: int, _epochs: int, metrics: dict[str, float]) -> None:
            trial.report(metrics[MONITORED], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        try:
            config = with_settings(self.config, trial.params)
            inputs = build_inputs(self.inventory, config, directory=self.folder / key[:16])
            request = TrainingRequest.of(inputs, config, workspace=workspace, directory=finished)
            trained = train_in_subprocess(request, on_epoch=on_epoch)
        except optuna.TrialPruned:
            study.tell(trial, state=TrialState.PRUNED)
            shutil.rmtree(workspace, ignore_errors=True)
            return None
        except (SettingsError, TrainingFailedError) as error:
            log.warning("trial %d failed: %s", trial.number, error)
            study.tell(trial, state=TrialState.FAIL)
            return error
        history = pd.read_csv(trained.history)
        study.tell(trial, float(history[MONITORED].max()))
        # Only the score counts: a retraining with the best settings trains its own model.
        shutil.rmtree(finished)
        return None


def _open_study(
    config: RetrainConfig, space: Mapping[str, BaseDistribution], data: str
) -> tuple[Path, optuna.Study]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ranges = {name: repr(distribution) for name, distribution in space.items()}
    name = f"{config.name}-{recipe_key(digest([data, ranges]), config)[:12]}"
    folder = config.paths.study(name)
    folder.mkdir(parents=True, exist_ok=True)
    storage = database_uri(folder / "optuna.db")
    study = optuna.create_study(
        study_name=name, storage=storage, direction="maximize", load_if_exists=True
    )
    # A new seed for each call, or a resumed search would draw its first trials again.
    study.sampler = optuna.samplers.TPESampler(seed=config.seed + len(study.trials))
    # Four finished trials to compare with before one is stopped early.
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1)
    return folder, study


def _requeue_interrupted_trials(study: optuna.Study) -> None:
    """Queue the trials that were running when the search was interrupted; they are resumed."""
    # Optuna can't reopen a running trial, so it fails, and a new one has the same settings.
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params)


def _result_of(trial: optuna.trial.FrozenTrial) -> TrialResult:
    scores = trial.intermediate_values.values()
    value = trial.value if trial.value is not None else max(scores, default=None)
    return TrialResult(
        number=trial.number,
        state=trial.state.name.lower(),
        settings=dict(trial.params),
        val_accuracy=value,
        seconds=trial.duration.total_seconds() if trial.duration else 0.0,
    )

"""The search for settings: what can be searched, what is found, and going on after a cut."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from PIL import Image

from tasks.config.load import with_settings
from tasks.config.schema import RetrainConfig
from tasks.errors import SettingsError
from tasks.inventory.scan import inventory_of
from tasks.registry.mlflow_store import open_store
from tasks.tuning.search import TrialResult, search_settings
from tasks.tuning.space import parse_space
from tests.home_paths import files_that_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.command_line import Command
    from tests.trainings import Trainer

RATES = "training.learning_rate=1e-9,0.003"


@pytest.mark.parametrize(
    ("text", "name", "distribution"),
    [
        (
            "training.learning_rate=0.001..0.1:log",
            "training.learning_rate",
            FloatDistribution(0.001, 0.1, log=True),
        ),
        ("training.epochs=2..9", "training.epochs", IntDistribution(2, 9)),
        (
            "generators.rotation_range=0..20.0",
            "generators.rotation_range",
            FloatDistribution(0, 20),
        ),
        (
            "training.model=fast_cnn, small_cnn",
            "training.model",
            CategoricalDistribution(["fast_cnn", "small_cnn"]),
        ),
    ],
)
def test_ranges_and_choices_are_read(text: str, name: str, distribution: Any) -> None:
    """As they stand on the command line."""
    assert parse_space([text], RetrainConfig()) == {name: distribution}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "Name at least one setting"),
        (["training.learning_rate"], "=LOW..HIGH"),
        (["registry.min_accuracy=0..1"], r"training\.NAME or generators\.NAME"),
        (["training.learning_rat=0..1"], "no such setting"),
        (["training.dropout=0..1.5"], r"training\.dropout"),
        (["training.dropout=low..high"], "needs numbers"),
        (["training.dropout=0.5..0.1"], r"training\.dropout=0\.5"),
        (["training.optimizer=adam..sgd"], "needs numbers"),
    ],
)
def test_what_cannot_be_searched_is_told(texts: list[str], message: str) -> None:
    """Before anything is trained."""
    with pytest.raises(SettingsError, match=message):
        parse_space(texts, RetrainConfig())


def search(trainer: Trainer, trials: int, told: list[TrialResult], **training: Any) -> Any:
    """Search two learning rates, of which one can't learn."""
    config = trainer.config(training={"epochs": 8, **training})
    return search_settings(
        config,
        parse_space([RATES], config),
        inventory_of(config),
        trials=trials,
        on_trial=told.append,
    )


@pytest.mark.no_cover
def test_a_search_finds_the_better_setting_and_goes_on(trainer: Trainer) -> None:
    """Trials are logged to MLflow and drawn; the same call adds what is left, another none."""
    told: list[TrialResult] = []
    search(trainer, 2, told)
    assert [trial.number for trial in told] == [0, 1]
    result = search(trainer, 3, told)
    assert len(told) == len(result.trials) == 3
    assert {trial.settings["training.learning_rate"] for trial in told} == {1e-9, 0.003}
    assert result.best.settings == {"training.learning_rate": 0.003}
    assert result.best.val_accuracy > 0.9
    assert search(trainer, 3, told) == result
    assert len(told) == 3
    assert Image.open(result.figure).size[0] > 300
    config = trainer.config()
    store = open_store(config.paths, config.registry)
    logged = store.client.search_runs([store.experiment("pixelgate-tuning")])
    assert len(logged) == 3
    assert {run.data.params["training.learning_rate"] for run in logged} == {"1e-09", "0.003"}
    assert max(run.data.metrics["val_accuracy"] for run in logged) == pytest.approx(
        result.best.val_accuracy
    )
    # Nothing of a trial but its figures is kept.
    assert not list((config.paths.state / "trained").iterdir())


def test_a_trial_cut_short_is_taken_up_again(trainer: Trainer) -> None:
    """A trial that was under way when the process died is tried with the same settings."""
    first = search(trainer, 1, [])
    config = trainer.config(training={"epochs": 8})
    database = next(config.paths.state.glob("tuning/*/optuna.db"))
    study = optuna.load_study(study_name=first.study, storage=f"sqlite:///{database}")
    cut = study.ask(parse_space([RATES], config))
    told: list[TrialResult] = []
    result = search(trainer, 2, told)
    assert [trial.settings for trial in told] == [cut.params]
    assert [trial.state for trial in result.trials].count("fail") == 1
    with sqlite3.connect(database) as opened:
        states = {state for (state,) in opened.execute("SELECT state FROM trials")}
    assert "RUNNING" not in states


def test_a_search_in_which_nothing_trains_tells_why(trainer: Trainer) -> None:
    """The first failure is the message."""
    with pytest.raises(SettingsError, match=r"training\.optimizer"):
        search(trainer, 2, [], optimizer="adamm")


def test_changes_are_checked() -> None:
    """A name or value that is not allowed names --search."""
    config = with_settings(RetrainConfig(), {"training.epochs": 3})
    assert config.training.epochs == 3
    with pytest.raises(SettingsError, match=r"training\.epochs.*--search"):
        with_settings(config, {"training.epochs": 0})


def test_the_command_prints_settings_that_can_be_used(
    pixelgate: Command, image_tree: Callable[..., Path], tmp_path: Path
) -> None:
    """The best settings on stdout are a settings file; a wrong one ends with a message."""
    root = image_tree({"a": 40, "b": 40})
    arguments = ("tune", "--data", root, "--set", "training.epochs=2", "--trials", "1")
    ended = pixelgate(*arguments, "--search", "generators.rotation_range=1.0..3.0")
    assert ended.code == 0, ended.err
    assert "trial 0: complete" in ended.err
    (tmp_path / "best.toml").write_text(ended.out)
    shown = pixelgate("config", "--config", tmp_path / "best.toml", "--json").json
    (row,) = [row for row in shown if row["setting"] == "generators.rotation_range"]
    assert 1.0 <= float(row["value"]) <= 3.0
    assert row["source"].startswith("file")
    (root / "a/bad.png").write_text("no image")
    rejected = pixelgate(*arguments, "--search", "generators.rotation_range=1.0..3.0")
    assert rejected.code == 3
    assert "a/bad.png" in rejected.err
    assert "trial" not in rejected.out
    wrong = pixelgate(*arguments)
    assert wrong.code == 2
    assert "Name at least one setting to search" in wrong.err
    assert "Traceback" not in wrong.err
    assert files_that_name(tmp_path / "home") == []

"""Training: what is kept of it, and what each setting does."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd
import pytest

from tasks.config.schema import RetrainConfig
from tasks.config.training import TrainingConfig
from tasks.errors import SettingsError
from tasks.training.class_weights import class_weights
from tasks.training.initial_weights import InitialModel
from tasks.training.phases import default_epochs
from tests.trainings import history_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.image_trees import Tree
    from tests.trainings import Trainer

STEADY = {"learning_rate_schedule": "constant"}


def test_training_keeps_the_best_epoch_and_its_history(trainer: Trainer) -> None:
    """The file is of the epoch with the best validation accuracy; each epoch is reported."""
    reported: list[int] = []
    trained = trainer.train(on_epoch=lambda epoch, *_: reported.append(epoch))
    history = history_of(trained)
    assert reported == [1, 2, 3, 4]
    assert trained.epochs == trained.planned_epochs == len(history) == 4
    assert history["val_accuracy"].iloc[trained.best_epoch - 1] == history["val_accuracy"].max()
    assert (trained.ended, trained.ended_well) == ("all epochs done", True)
    model = keras.saving.load_model(trained.path)
    assert model.input.dtype == "uint8"
    assert model.count_params() == trained.parameters
    assert list((trained.directory / "tensorboard").rglob("events*"))
    assert not trainer.folders("model")["workspace"].exists()


def test_of_equally_accurate_epochs_the_lowest_loss_is_kept(trainer: Trainer) -> None:
    """A small validation split is told apart early; the model goes on learning after that."""
    trained = trainer.train(training={"epochs": 10, "learning_rate": 0.01})
    history = history_of(trained)
    equals = history[history["val_accuracy"] == history["val_accuracy"].max()]
    lowest = equals["val_loss"].idxmin()
    assert lowest > equals.index[0], "this training tells nothing: its first of equals is its best"
    assert trained.best_epoch == lowest + 1
    index = pd.read_parquet(trainer.inputs().index)
    rows = np.flatnonzero(index["split"] == "validation")
    images = np.load(trainer.inputs().pixels)[rows]
    answers = keras.saving.load_model(trained.path).predict(images, verbose=0)
    right = answers[np.arange(len(rows)), index["target"].to_numpy()[rows]]
    smoothed = 0.95 * np.log(right) + 0.05 * np.log(answers).mean(axis=1)
    assert -smoothed.mean() == pytest.approx(history["val_loss"][lowest], rel=0.01)


def test_steps_per_epoch_validates_more_often(trainer: Trainer) -> None:
    """Three steps, then a validation; order and data of the steps stay those of whole epochs."""
    trained = trainer.train(training={"epochs": 3, "steps_per_epoch": 3})
    assert (trained.steps_per_epoch, len(history_of(trained))) == (3, 3)


def test_a_finished_training_is_not_done_again(trainer: Trainer) -> None:
    """The same folders give the same training back, without an epoch."""
    first = trainer.train(training={"epochs": 1})
    again = trainer.train(training={"epochs": 1}, on_epoch=lambda *_: pytest.fail("an epoch"))
    assert again == first


@pytest.mark.no_cover
def test_the_same_seed_gives_the_same_model(trainer: Trainer) -> None:
    """Two trainings alike end in the same history; another seed in another."""
    one, two, other = (
        history_of(trainer.train(name, seed=seed, training={"epochs": 2}))
        for name, seed in (("one", 5), ("two", 5), ("three", 6))
    )
    pd.testing.assert_frame_equal(one, two)
    assert not one.equals(other)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_the_model_is_kept_in_float32(trainer: Trainer, precision: str) -> None:
    """Whatever it was trained in, and it answers as well as it was judged."""
    trained = trainer.train(training={"epochs": 8, "precision": precision})
    assert precision in trained.hardware
    model = keras.saving.load_model(trained.path)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"
    assert history_of(trained)["val_accuracy"].max() > 0.9


def test_early_stopping_ends_training(trainer: Trainer) -> None:
    """Patience 1 on a model that can't improve ends before the last epoch, and says why."""
    settings = {"epochs": 12, "early_stopping_patience": 1, "learning_rate": 1e-9}
    trained = trainer.train(training={**settings, **STEADY})
    assert trained.epochs < 12
    assert "early_stopping_patience" in trained.ended


def rates_of(trainer: Trainer, own_module: str, **training: Any) -> list[float]:
    """Train with a callback that notes the learning rate of each step."""
    seen: list[float] = []

    class Rates(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            del batch, logs
            seen.append(float(self.model.optimizer.learning_rate))

    vars(importlib.import_module(own_module))["Rates"] = Rates
    trainer.train("rates", training={"callbacks": [f"{own_module}:Rates"], **training})
    return seen


def test_the_schedule_warms_up_and_ends_at_zero(trainer: Trainer, own_module: str) -> None:
    """Cosine: a fifth of the steps up, then down to nothing."""
    rates = rates_of(trainer, own_module, learning_rate=0.01)
    highest = int(np.argmax(rates))
    assert max(rates) == pytest.approx(0.01, rel=0.1)
    assert 0.1 < highest / len(rates) < 0.3
    assert rates[-1] < 0.0005


def test_a_constant_rate_stays(trainer: Trainer, own_module: str) -> None:
    """No schedule."""
    rates = rates_of(trainer, own_module, learning_rate=0.01, epochs=1, **STEADY)
    assert set(np.round(rates, 6)) == {0.01}


@pytest.mark.parametrize("model", ["fast_cnn", "small_cnn"])
def test_images_smaller_than_the_first_layers_patch_train(trainer: Trainer, model: str) -> None:
    """A thumbnail of a thumbnail is no fault."""
    trained = trainer.train(
        model, generators={"target_size": (4, 4)}, training={"model": model, "epochs": 1}
    )
    assert trained.ended_well


@pytest.mark.no_cover
def test_momentum_and_weight_decay_reach_the_optimizer(trainer: Trainer, own_module: str) -> None:
    """Weight decay alone shrinks the weights; momentum is the optimizer's."""
    optimizer: dict[str, Any] = {}

    class Look(keras.callbacks.Callback):
        def on_train_begin(self, logs: object = None) -> None:
            del logs
            optimizer.update(self.model.optimizer.get_config())

    vars(importlib.import_module(own_module))["Look"] = Look
    settings = {"epochs": 1, "callbacks": [f"{own_module}:Look"], "optimizer": "sgd", **STEADY}
    sizes = {}
    for decay in (0.0, 10.0):
        trained = trainer.train(
            f"decay{decay}", training={**settings, "learning_rate": 0.01, "weight_decay": decay}
        )
        model = keras.saving.load_model(trained.path)
        kernels = [np.asarray(w) for w in model.trainable_weights if len(w.shape) == 4]
        sizes[decay] = float(sum(np.square(kernel).sum() for kernel in kernels))
    assert sizes[10.0] < sizes[0.0] / 2
    assert optimizer["momentum"] == 0.9
    assert optimizer["nesterov"] is True


@pytest.mark.no_cover
def test_balanced_class_weights_find_the_rare_class(image_tree: Tree, trainer: Trainer) -> None:
    """With one image in ten of a class, its weight is ten times that of the other."""
    trainer = trainer.on(image_tree({"many": 200, "rare": 20}, under="uneven"))
    inputs = trainer.inputs()
    weights = class_weights(inputs, TrainingConfig(class_weight="balanced"))
    assert weights is not None
    index = pd.read_parquet(inputs.index).query("split == 'train'")
    assert (weights[index["target"]]).mean() == pytest.approx(1.0)
    assert weights[1] / weights[0] == pytest.approx(
        index["target"].eq(0).sum() / index["target"].eq(1).sum()
    )
    plain = history_of(trainer.train("plain", training={"epochs": 1}))
    heavy = {"epochs": 1, "class_weight": {"rare": 1000.0}}
    weighted = history_of(trainer.train("weighted", training=heavy))
    assert weighted["loss"][0] > 3 * plain["loss"][0]


def test_a_class_weight_of_no_class_is_told(trainer: Trainer) -> None:
    """The classes there are, are named."""
    with pytest.raises(SettingsError, match=r"\['wolf'\].*\['a', 'b', 'c'\]"):
        trainer.train(training={"class_weight": {"wolf": 2.0}})


def test_a_warm_start_begins_where_the_champion_ended(trainer: Trainer) -> None:
    """Its first epoch is better than the first of a cold start; other classes learn a new head."""
    champion = trainer.train("champion", training={"epochs": 10})
    assert history_of(champion)["val_accuracy"].max() > 0.9
    start = InitialModel(champion.path, "1", ("a", "b", "c"))
    gentle = {"epochs": 1, "learning_rate": 1e-5, **STEADY}
    cold = history_of(trainer.train("cold", training=gentle))
    warm = history_of(trainer.train("warm", training=gentle, champion=start))
    assert warm["val_loss"][0] < cold["val_loss"][0] / 2
    other = InitialModel(champion.path, "1", ("x", "y", "z"))
    # Another seed, as with the same one the last layer begins as the champion's began.
    renamed = history_of(trainer.train("renamed", training=gentle, champion=other, seed=7))
    assert renamed["loss"][0] > 1.5 * warm["loss"][0]


def split_weights(model: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the weights of a model's base and of its last layer."""
    loaded = keras.saving.load_model(model)
    base = [w for layer in loaded.layers[:-1] for w in layer.get_weights()]
    return base, loaded.layers[-1].get_weights()


@pytest.mark.parametrize(
    "suffix", [".keras", pytest.param(".weights.h5", marks=pytest.mark.no_cover)]
)
def test_transfer_freezes_the_base_then_fine_tunes(
    trainer: Trainer, tmp_path: Path, suffix: str
) -> None:
    """Frozen, only the last layer learns; afterwards the base moves too."""
    trained = trainer.train("base", training={"epochs": 8})
    file = tmp_path / f"base{suffix}"
    model = keras.saving.load_model(trained.path)
    model.save(file) if suffix == ".keras" else model.save_weights(file)
    base, _ = split_weights(trained.path)
    transfer = {"weights": file, "frozen_epochs": 2}
    frozen, head = split_weights(trainer.train("frozen", training={**transfer, "epochs": 2}).path)
    assert all(np.array_equal(a, b) for a, b in zip(base, frozen, strict=True))
    assert not np.array_equal(head[0], model.layers[-1].get_weights()[0])
    tuned = trainer.train("tuned", training={**transfer, "epochs": 6})
    moved, _ = split_weights(tuned.path)
    assert tuned.best_epoch > 2 or tuned.epochs == 6
    if tuned.best_epoch > 2:
        assert any(not np.array_equal(a, b) for a, b in zip(base, moved, strict=True))
    assert len(history_of(tuned)) == 6


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.keras", None, "no such file"),
        ("torn.keras", b"PK", "does not fit"),
        ("torn.weights.h5", b"nothing", "does not fit"),
    ],
)
def test_weights_that_do_not_fit_are_told(
    trainer: Trainer, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    """The setting, the file and the reason are named."""
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=f"training.weights = .*{message}"):
        trainer.train(training={"weights": file})


def test_frozen_epochs_want_weights() -> None:
    """A random base must not be frozen."""
    with pytest.raises(ValueError, match="frozen_epochs freezes a base"):
        RetrainConfig.model_validate({"training": {"frozen_epochs": 2}})


def test_users_callbacks_and_optimizers_are_found(trainer: Trainer, own_module: str) -> None:
    """A callback by import path is called; an unknown optimizer is refused."""
    trainer.train(training={"epochs": 1, "callbacks": [f"{own_module}:Counter"]})
    assert importlib.import_module(own_module).Counter.seen == 1
    with pytest.raises(SettingsError, match=r"training\.optimizer"):
        trainer.train("other", training={"optimizer": "adamm"})


@pytest.mark.parametrize("class_mode", ["sparse", "binary"])
def test_every_class_mode_learns(image_tree: Tree, trainer: Trainer, class_mode: str) -> None:
    """Sparse and binary targets train as categorical ones do, with class weights too."""
    trainer = trainer.on(image_tree({"a": 60, "b": 60}, under="two"))
    trained = trainer.train(
        generators={"class_mode": class_mode},
        training={"epochs": 12, "class_weight": "balanced"},
    )
    assert history_of(trained)["val_accuracy"].max() > 0.9


@pytest.mark.parametrize(("steps", "epochs"), [(422, 10), (10, 60), (5000, 8)])
def test_default_epochs_give_about_the_same_steps(steps: int, epochs: int) -> None:
    """Small sets are seen more often, large ones at least eight times."""
    assert default_epochs(steps) == epochs

"""Models and their training: what is built, what is kept, and what happens when it is cut short."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd
import pytest

from tasks.config import RetrainConfig
from tasks.errors import SettingsError, TrainingFailedError
from tasks.generators.recipe import InputContract, Inputs, build_inputs
from tasks.inventory.scan import take_inventory
from tasks.models import build_model
from tasks.training.settings import TrainingConfig
from tasks.training.stage import TrainedModel, default_epochs, train_model
from tasks.training.transfer import load_base

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Tree = Callable[..., Path]

CONTRACT = InputContract(tuple("0123456789"), 28, 28, "grayscale", "categorical")


def layer_table(model: keras.Model) -> list[tuple[str, Any]]:
    """Return what defines each layer: its kind and its size."""
    sizes = {"Conv2D": "filters", "Dense": "units", "Dropout": "rate"}
    return [
        (kind, getattr(layer, sizes[kind], None) if kind in sizes else None)
        for layer in model.layers
        if (kind := type(layer).__name__) != "InputLayer"
    ]


def test_basic_cnn_is_the_tutorials() -> None:
    """Conv 32-32-pool-64-64-pool, dense 512, dropout 0.5, rescaled inside."""
    model = build_model(CONTRACT, TrainingConfig(model="basic_cnn"), rescale=1 / 255)
    assert layer_table(model) == [
        ("Rescaling", None),
        ("Conv2D", 32),
        ("Conv2D", 32),
        ("MaxPooling2D", None),
        ("Conv2D", 64),
        ("Conv2D", 64),
        ("MaxPooling2D", None),
        ("Flatten", None),
        ("Dense", 512),
        ("Dropout", 0.5),
        ("Dense", 10),
    ]


def operations(model: keras.Model) -> int:
    """Return the multiplications one picture costs in the convolutions and dense layers."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            places = np.prod(layer.output.shape[1:-1]) if len(layer.output.shape) > 2 else 1
            total += int(places * np.prod(layer.kernel.shape))
    return total


def test_fast_cnn_costs_a_fraction_of_basic_cnn() -> None:
    """Operations a picture decide the speed on a CPU."""
    basic, fast = (
        operations(build_model(CONTRACT, TrainingConfig(model=name), rescale=1 / 255))
        for name in ("basic_cnn", "fast_cnn")
    )
    assert fast < basic / 2


@pytest.mark.parametrize("side", [8, 28, 32, 64, 224])
def test_fast_cnn_takes_any_size(side: int) -> None:
    """Small and large pictures give a model; large ones do not cost without bound."""
    contract = dataclasses.replace(CONTRACT, height=side, width=side, color_mode="rgb")
    model = build_model(contract, TrainingConfig(), rescale=1 / 255)
    answers = model(np.zeros((2, side, side, 3), np.uint8))
    assert answers.shape == (2, 10)
    assert np.allclose(np.sum(answers, axis=1), 1, atol=1e-5)


def test_a_backbone_of_keras_applications(tmp_path: Path) -> None:
    """A name of keras.applications is built with random or local weights."""
    contract = dataclasses.replace(CONTRACT, height=32, width=32, color_mode="rgb")
    model = build_model(
        contract, TrainingConfig(model="MobileNetV2", dropout=0.1), rescale=1 / 127.5
    )
    backbone = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    file = tmp_path / "mobile.weights.h5"
    backbone.save_weights(file)
    again = build_model(contract, TrainingConfig(model="MobileNetV2"), rescale=1 / 255)
    load_base(again, file)
    loaded = next(layer for layer in again.layers if isinstance(layer, keras.Model))
    assert all(
        np.array_equal(a, b)
        for a, b in zip(backbone.get_weights(), loaded.get_weights(), strict=True)
    )


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a user's module on the path."""
    (tmp_path / "users_own.py").write_text(
        "import keras\n"
        "def mlp(input_shape):\n"
        "    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten()])\n"
        "class Counter(keras.callbacks.Callback):\n"
        "    seen = 0\n"
        "    def on_epoch_end(self, epoch, logs=None):\n"
        "        Counter.seen = epoch + 1\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return "users_own"


def test_a_users_function_gives_the_model(own_module: str) -> None:
    """package.module:function is called with the input shape."""
    model = build_model(CONTRACT, TrainingConfig(model=f"{own_module}:mlp"), rescale=1 / 255)
    assert model(np.zeros((1, 28, 28, 1), np.uint8)).shape == (1, 10)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_cnn", "fast_cnn"),
        ("no.such.module:f", "can't be imported"),
        ("tasks.models:nothing", "can't be imported"),
        ("MobileNetV2", "can't be built"),
    ],
)
def test_a_wrong_model_name_is_explained(name: str, message: str) -> None:
    """The error says what there is, or what stood in the way."""
    contract = dataclasses.replace(CONTRACT, height=8, width=8)
    with pytest.raises(SettingsError, match=message):
        build_model(contract, TrainingConfig(model=name), rescale=1 / 255)


@pytest.fixture
def prepared(image_tree: Tree) -> tuple[Inputs, Path]:
    """Give the inputs of a small tree and a folder to work in."""
    root = image_tree({"a": 60, "b": 60, "c": 60})
    config = configured(root.parent, data={"directory": root})
    inventory = take_inventory(config.data, seed=config.seed)
    return build_inputs(inventory, config, directory=root.parent / "run"), root.parent


def configured(home: Path, **parts: Any) -> RetrainConfig:
    """Settings of a quick training."""
    training = {"epochs": 4, "learning_rate": 0.003, **parts.pop("training", {})}
    return RetrainConfig.model_validate(
        {"home": home / "home", "generators": {"batch_size": 16}, "training": training, **parts}
    )


def train(
    prepared: tuple[Inputs, Path],
    name: str = "model",
    on_epoch: Callable[..., None] = lambda *_: None,
    **parts: Any,
) -> TrainedModel:
    """Train in folders of this name."""
    inputs, home = prepared
    return train_model(
        inputs,
        configured(home, **parts),
        workspace=home / "work" / name,
        directory=home / name,
        on_epoch=on_epoch,
    )


def test_training_keeps_the_best_epoch_and_its_history(prepared: tuple[Inputs, Path]) -> None:
    """The file is of the epoch with the best validation accuracy; each epoch was told."""
    told: list[int] = []
    trained = train(prepared, on_epoch=lambda epoch, *_: told.append(epoch))
    history = pd.read_csv(trained.history)
    assert told == [1, 2, 3, 4]
    assert trained.epochs == len(history) == 4
    assert history["val_accuracy"].iloc[trained.best_epoch - 1] == history["val_accuracy"].max()
    model = keras.saving.load_model(trained.path)
    assert model.input.dtype == "uint8"
    assert model.count_params() == trained.parameters
    assert list((trained.path.parent / "tensorboard").rglob("events*"))
    assert not (prepared[1] / "work/model").exists()


def test_the_same_seed_gives_the_same_model(prepared: tuple[Inputs, Path]) -> None:
    """Two trainings alike end in the same history; another seed in another."""
    one, two, other = (
        pd.read_csv(train(prepared, name, seed=seed, training={"epochs": 2}).history)
        for name, seed in (("one", 5), ("two", 5), ("three", 6))
    )
    pd.testing.assert_frame_equal(one, two)
    assert not one.equals(other)


class PowerCut(Exception):  # noqa: N818 - what the test pretends happens
    """The machine goes down."""


def test_a_training_cut_short_goes_on_where_it_was(prepared: tuple[Inputs, Path]) -> None:
    """After a cut the same call ends as if there had been none."""
    whole = train(prepared, "whole")

    def cut(epoch: int, *_: object) -> None:
        if epoch == 2:
            raise PowerCut

    with pytest.raises(PowerCut):
        train(prepared, "cut", on_epoch=cut)
    seen: list[int] = []
    resumed = train(prepared, "cut", on_epoch=lambda epoch, *_: seen.append(epoch))
    assert seen == [3, 4]
    pd.testing.assert_frame_equal(pd.read_csv(whole.history), pd.read_csv(resumed.history))
    first, second = (keras.saving.load_model(made.path) for made in (whole, resumed))
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_early_stopping_ends_training(prepared: tuple[Inputs, Path]) -> None:
    """Patience 1 on a model that can't improve ends before the last epoch."""
    settings = {"epochs": 12, "early_stopping_patience": 1, "learning_rate": 1e-9}
    trained = train(prepared, training={**settings, "learning_rate_schedule": "constant"})
    assert trained.epochs < 12


def test_a_loss_that_is_no_number_is_told(prepared: tuple[Inputs, Path]) -> None:
    """A learning rate far too high is named as the thing to change."""
    settings = {"optimizer": "sgd", "learning_rate": 1e30, "learning_rate_schedule": "constant"}
    with pytest.raises(TrainingFailedError, match=r"training\.learning_rate"):
        train(prepared, training=settings)


def test_users_callbacks_and_optimizers_are_found(
    prepared: tuple[Inputs, Path], own_module: str
) -> None:
    """A callback by import path is called; an unknown optimizer is refused."""
    train(prepared, training={"epochs": 1, "callbacks": [f"{own_module}:Counter"]})
    import users_own

    assert users_own.Counter.seen == 1
    with pytest.raises(SettingsError, match=r"training\.optimizer"):
        train(prepared, "other", training={"optimizer": "adamm"})


@pytest.mark.parametrize("class_mode", ["sparse", "binary"])
def test_every_class_mode_learns(image_tree: Tree, class_mode: str) -> None:
    """Sparse and binary targets train as categorical ones do."""
    root = image_tree({"a": 60, "b": 60})
    config = configured(
        root.parent, data={"directory": root}, generators={"class_mode": class_mode}
    )
    inventory = take_inventory(config.data, seed=1)
    inputs = build_inputs(inventory, config, directory=root.parent / "run")
    parts = {"generators": {"class_mode": class_mode, "batch_size": 16}}
    trained = train((inputs, root.parent), **parts, training={"epochs": 16})
    assert pd.read_csv(trained.history)["val_accuracy"].max() > 0.9


@pytest.mark.parametrize(("steps", "epochs"), [(422, 10), (10, 60), (5000, 8)])
def test_default_epochs_give_about_the_same_steps(steps: int, epochs: int) -> None:
    """Small sets are seen more often, large ones at least eight times."""
    assert default_epochs(steps) == epochs

"""The models by name: what is built, what it costs, and what a wrong name is told."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from scipy import ndimage

from tasks.errors import SettingsError
from tasks.generators.recipe import InputContract
from tasks.models import build_model
from tasks.training.settings import TrainingConfig
from tasks.training.transfer import load_base
from tasks.training.whitening import whitening_filters

if TYPE_CHECKING:
    from pathlib import Path

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
@pytest.mark.parametrize("name", ["fast_cnn", "small_cnn"])
def test_our_models_take_any_size(name: str, side: int) -> None:
    """Small and large pictures give a model; large ones do not cost without bound."""
    contract = dataclasses.replace(CONTRACT, height=side, width=side, color_mode="rgb")
    model = build_model(contract, TrainingConfig(model=name), rescale=1 / 255)
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


def test_whitened_patches_are_uncorrelated() -> None:
    """The filters' answers to correlated patches have a covariance near the unit matrix."""
    random = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(random.normal(size=(40, 20, 20, 3)), (0, 1, 1, 0)) * 5
    pictures = (smooth + random.normal(size=smooth.shape) * 0.2 + 3).astype("float32")
    kernel, bias = whitening_filters(pictures, (2, 2))
    assert kernel.shape == (2, 2, 3, 24)
    layer = keras.layers.Conv2D(24, 2)
    layer.build((None, 20, 20, 3))
    layer.set_weights([kernel, bias])
    answers = np.asarray(layer(pictures)).reshape(-1, 24)
    covariance = np.cov(answers[:, :12], rowvar=False)
    np.testing.assert_allclose(covariance, np.eye(12), atol=0.05)
    np.testing.assert_allclose(answers.mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(answers[:, :12], -answers[:, 12:], atol=1e-3)

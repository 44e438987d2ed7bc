"""The models by name: what is built, what it costs, and what a wrong name is told."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from tasks.config.training import TrainingConfig
from tasks.errors import SettingsError
from tasks.models.architectures import build_model
from tasks.models.contract import InputContract
from tasks.training.fused_batch_norm import fuse_batch_normalization
from tasks.training.initial_weights import load_base_weights
from tasks.training.whitening import sample_patches, whitening_filters

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
    """Return the multiplications one image costs in the convolutions and dense layers."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            places = np.prod(layer.output.shape[1:-1]) if len(layer.output.shape) > 2 else 1
            total += int(places * np.prod(layer.kernel.shape))
    return total


def test_fast_cnn_costs_a_fraction_of_basic_cnn() -> None:
    """Operations an image decide the speed on a CPU."""
    basic, fast = (
        operations(build_model(CONTRACT, TrainingConfig(model=name), rescale=1 / 255))
        for name in ("basic_cnn", "fast_cnn")
    )
    assert fast < basic / 2


@pytest.mark.parametrize("side", [2, 4, 8, 28, 32, 64, 224])
@pytest.mark.parametrize("name", ["fast_cnn", "small_cnn"])
def test_our_models_take_any_size(name: str, side: int) -> None:
    """Small and large images give a model; large ones do not cost without bound."""
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
    load_base_weights(again, file)
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
        ("tasks.models.architectures:nothing", "can't be imported"),
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
    images = (smooth + random.normal(size=smooth.shape) * 0.2 + 3).astype("float32")
    patches = np.lib.stride_tricks.sliding_window_view(images, (2, 2), axis=(1, 2))
    patches = np.moveaxis(patches, 3, -1).reshape(-1, 2, 2, 3)
    kernel, bias = whitening_filters(patches, 12)
    assert kernel.shape == (2, 2, 3, 24)
    layer = keras.layers.Conv2D(24, 2)
    layer.build((None, 20, 20, 3))
    layer.set_weights([kernel, bias])
    answers = np.asarray(layer(images)).reshape(-1, 24)
    covariance = np.cov(answers[:, :12], rowvar=False)
    np.testing.assert_allclose(covariance, np.eye(12), atol=0.05)
    np.testing.assert_allclose(answers.mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(answers[:, :12], -answers[:, 12:], atol=1e-3)
    fewer, _ = whitening_filters(patches, 3)
    np.testing.assert_array_equal(fewer, kernel[..., [0, 1, 2, 12, 13, 14]])


def test_patches_are_cut_from_every_image_as_they_are() -> None:
    """Each patch is found in its image; large images give no more than small ones."""
    images = np.arange(3 * 9 * 7 * 3, dtype=np.uint16).astype(np.uint8).reshape(3, 9, 7, 3)
    patches = sample_patches(images, np.arange(3), (5, 4)).reshape(3, -1, 5, 4, 3)
    assert patches.shape[1] == sample_patches(images, np.array([1]), (2, 2)).shape[0]
    for image, cut in zip(images, patches, strict=True):
        places = [image[r : r + 5, c : c + 4] for r in range(5) for c in range(4)]
        seen = [[np.array_equal(patch, place) for place in places] for patch in cut]
        assert np.sum(seen, axis=1).min() >= 1
        assert np.sum(seen, axis=0).min() >= 1


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_fused_batch_normalization_is_keras(dtype: str) -> None:
    """Answers, gradients and moving statistics of a step, and the layers and names, are Keras'."""

    def step(*, fused: bool) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
        keras.utils.set_random_seed(3)
        layer = keras.layers.BatchNormalization(momentum=0.8, dtype=dtype)
        given = keras.Input((5, 6, 4))
        model = keras.Model(given, layer(keras.layers.Conv2D(4, 3, dtype=dtype)(given)))
        if fused:
            fuse_batch_normalization(model)
        assert type(layer) is keras.layers.BatchNormalization
        batch = np.random.default_rng(1).normal(2, 3, (8, 5, 6, 4)).astype("float32")
        with tf.GradientTape() as tape:
            answers = tf.cast(model(batch, training=True), tf.float32)
            loss = tf.reduce_sum(answers**3)
        gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
        return answers.numpy(), [g.numpy() for g in gradients], layer.get_weights()

    plain, fused = step(fused=False), step(fused=True)
    close: dict[str, Any] = (
        {"rtol": 1e-3, "atol": 1e-3} if dtype == "float32" else {"rtol": 0.05, "atol": 0.05}
    )
    np.testing.assert_allclose(fused[0], plain[0], **close)
    for one, other in zip((*fused[1], *fused[2]), (*plain[1], *plain[2]), strict=True):
        scale = 1 if dtype == "float32" else max(1, np.abs(other).max())
        np.testing.assert_allclose(one / scale, other / scale, **close)

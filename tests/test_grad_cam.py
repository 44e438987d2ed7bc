"""Grad-CAM: where in an image a model saw the class it named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
from keras import layers

from tasks.config.training import TrainingConfig
from tasks.evaluation.grad_cam import see_class
from tasks.models.architectures import build_model
from tasks.models.contract import InputContract
from tasks.reporting.figures import draw_mistakes
from tasks.training.test_time_augmentation import average_over_flips

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 48


def spots() -> np.ndarray:
    """Return black images with a bright spot: at the upper left, and at the lower right."""
    images = np.zeros((2, SIDE, SIDE, 1), np.uint8)
    images[0, 6:14, 6:14] = 255
    images[1, 34:42, 34:42] = 255
    return images


def bright_or_not(outputs: int = 2, *, nested: bool = False) -> keras.Model:
    """Return a model that finds an image bright where its largest convolved value is high."""
    images = keras.Input((SIDE, SIDE, 1), dtype="uint8")
    scaled = layers.Rescaling(1 / 255)(images)
    convolution = layers.Conv2D(1, 3, strides=4, padding="same", use_bias=False, name="last")
    if nested:
        inside = keras.Input((SIDE, SIDE, 1))
        base = keras.Model(inside, layers.GlobalAveragePooling2D()(convolution(inside)))
        features = base(scaled)
    else:
        features = layers.GlobalAveragePooling2D()(convolution(scaled))
    activation = "sigmoid" if outputs == 1 else "softmax"
    answers = layers.Dense(outputs, activation=activation, name="probabilities")(features)
    model = keras.Model(images, answers)
    convolution.set_weights([np.ones((3, 3, 1, 1))])
    kernel = np.array([[1.0]]) if outputs == 1 else np.array([[-1.0, 1.0]])
    model.get_layer("probabilities").set_weights([kernel, np.zeros(outputs)])
    return model


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("nested", [False, True])
def test_the_model_saw_what_is_there(outputs: int, *, nested: bool) -> None:
    """The spot, where it is; by a network of its own in the model too, and by a sigmoid."""
    heat = see_class(bright_or_not(outputs, nested=nested), spots(), np.array([1, 1]))
    assert heat is not None
    assert heat.shape == (2, SIDE // 4, SIDE // 4)
    assert (heat.min(), heat.max()) == (0, 1)
    for each, place in zip(heat, (10, 38), strict=True):
        rows, columns = np.nonzero(each > 0.5)
        assert np.abs(4 * rows + 2 - place).max() <= 6
        assert np.abs(4 * columns + 2 - place).max() <= 6


def test_what_speaks_against_a_class_is_not_seen() -> None:
    """Brightness makes nothing dark."""
    heat = see_class(bright_or_not(), spots(), np.array([0, 0]))
    assert heat is not None
    assert heat.max() == 0


@pytest.mark.parametrize("name", ["fast_cnn", "small_cnn", "basic_cnn", "MobileNetV2"])
def test_every_kind_of_model_has_a_map(name: str) -> None:
    """Those by name, and backbones of keras.applications."""
    contract = InputContract(("a", "b", "c"), 64, 64, "rgb", "sparse")
    model = build_model(contract, TrainingConfig(model=name), rescale=1 / 255)
    images = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    heat = see_class(model, images, np.array([0, 1, 2]))
    assert heat is not None
    assert np.isfinite(heat).all()
    assert heat.shape[0] == 3
    assert min(heat.shape[1:]) >= 2


def test_a_model_without_a_map_sees_nowhere() -> None:
    """A perceptron, and the mean over flipped copies."""
    images = keras.Input((SIDE, SIDE, 1), dtype="uint8")
    flat = layers.Dense(2, activation="softmax")(layers.Flatten()(layers.Rescaling(1.0)(images)))
    assert see_class(keras.Model(images, flat), spots(), np.array([0, 1])) is None
    from tasks.config.generators import GeneratorConfig

    averaged = average_over_flips(bright_or_not(), GeneratorConfig(horizontal_flip=True))
    assert see_class(averaged, spots(), np.array([0, 1])) is None


def test_it_is_drawn_over_the_images(tmp_path: Path) -> None:
    """A file that differs from the one without."""
    images = spots()
    heat = see_class(bright_or_not(), images, np.array([1, 1]))
    plain = draw_mistakes(images, ["a", "b"], tmp_path / "plain.png")
    seen = draw_mistakes(images, ["a", "b"], tmp_path / "seen.png", heat=heat)
    assert plain.read_bytes() != seen.read_bytes()

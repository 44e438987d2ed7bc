"""Temperature scaling: confidences that say how often answers are right, inside the saved model."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, softmax
from sklearn.metrics import log_loss

from tasks.training.temperature import fit_temperature
from tests.image_trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainings import Trainer


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_used_is_found(temperature: float) -> None:
    """Of probabilities that are right as often as they say, then sharpened or flattened."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (20_000, 4))
    chances = softmax(logits, axis=1)
    targets = (chances.cumsum(axis=1) > random.random((20_000, 1))).argmax(axis=1)
    given = softmax(logits * temperature, axis=1).astype("float32")
    assert fit_temperature(given, targets) == pytest.approx(temperature, rel=0.05)


def test_a_sigmoid_has_one_too() -> None:
    """Its one output is the probability of the second class."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, 20_000)
    targets = (random.random(20_000) < expit(logits)).astype("int64")
    given = expit(2.0 * logits)[:, None].astype("float32")
    assert fit_temperature(given, targets) == pytest.approx(2.0, rel=0.05)


def test_certain_answers_have_a_temperature() -> None:
    """Probabilities of exactly 0 and 1, all of them right."""
    outputs = np.eye(3, dtype="float32")[[0, 1, 2, 0]]
    assert 0 < fit_temperature(outputs, np.array([0, 1, 2, 0])) < 1


@pytest.mark.parametrize("class_mode", ["sparse", "categorical", "binary"])
def test_the_saved_model_answers_as_before_with_other_confidences(
    trainer: Trainer, tmp_path: Path, class_mode: str
) -> None:
    """The log loss of the validation split falls; one file, as fast as the other."""
    classes = {"a": 320, "b": 320}
    own = trainer.on(write_tree(tmp_path / "many", classes, size=(12, 12)))
    generators = {"class_mode": class_mode}
    models, losses = [], []
    for scaled in (False, True):
        training = {"epochs": 1, "learning_rate": 0.0005, "temperature_scaling": scaled}
        trained = own.train(f"scaled-{scaled}", generators=generators, training=training)
        models.append((trained, keras.saving.load_model(trained.path)))
    inputs = own.inputs(**generators)
    index = pd.read_parquet(inputs.index)
    rows = np.flatnonzero(index["split"] == "validation")
    images, targets = np.load(inputs.pixels)[rows], index["target"].to_numpy()[rows]
    outputs = [model.predict(images, verbose=0) for _, model in models]
    for each in outputs:
        chances = np.hstack([1 - each, each]) if class_mode == "binary" else each
        losses.append(log_loss(targets, chances, labels=[0, 1]))
    temperature = models[1][0].temperature
    assert models[0][0].temperature == 1
    assert abs(temperature - 1) > 0.01
    assert losses[1] < losses[0]
    if class_mode == "binary":
        np.testing.assert_array_equal(outputs[0] > 0.5, outputs[1] > 0.5)
    else:
        np.testing.assert_array_equal(outputs[0].argmax(axis=1), outputs[1].argmax(axis=1))
    assert [layer.name for layer in models[0][1].layers] == [
        layer.name for layer in models[1][1].layers
    ]


def test_few_validation_images_fit_none(trainer: Trainer, caplog: pytest.LogCaptureFixture) -> None:
    """A temperature of a handful of images is a guess."""
    with caplog.at_level(logging.INFO, "pixelgate.training"):
        trained = trainer.train("few", training={"epochs": 1, "temperature_scaling": True})
    assert trained.temperature == 1
    assert "too few to fit a temperature" in caplog.text

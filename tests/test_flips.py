"""Test-time augmentation: what the finished model does with an image's flipped copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from tasks.config.schema import RetrainConfig
from tasks.training.initial_weights import InitialModel, load_champion_weights

if TYPE_CHECKING:
    from tests.trainings import Trainer

AVERAGED = {"test_time_augmentation": True, "epochs": 3}


def network_of(model: keras.Model) -> keras.Model:
    """Return what the finished model asks about each copy."""
    (network,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
    return network


@pytest.mark.parametrize(
    ("flips", "axes"),
    [
        ({"horizontal_flip": True}, [(), (2,)]),
        ({"horizontal_flip": True, "vertical_flip": True}, [(), (1,), (2,), (1, 2)]),
    ],
)
def test_the_model_answers_with_the_mean_over_flips(
    trainer: Trainer, flips: dict[str, bool], axes: list[tuple[int, ...]]
) -> None:
    """Computed here with the network alone, on images that differ from their mirror images."""
    trained = trainer.train(generators=flips, training=AVERAGED)
    model = keras.saving.load_model(trained.path)
    network = network_of(model)
    images = np.random.default_rng(1).integers(0, 256, (5, *model.input_shape[1:]), "uint8")
    answers = [network.predict(np.flip(images, axis), verbose=0) for axis in axes]
    assert np.ptp(answers, axis=0).max() > 0.001
    np.testing.assert_allclose(
        model.predict(images, verbose=0), np.mean(answers, axis=0), atol=1e-5
    )
    assert (model.input.dtype, trained.parameters) == ("uint8", network.count_params())


def test_a_training_starts_from_a_champion_that_averages(trainer: Trainer) -> None:
    """Its weights are found inside."""
    champion = trainer.train("champion", generators={"horizontal_flip": True}, training=AVERAGED)
    model = keras.saving.load_model(trainer.train("cold", training={"epochs": 1}).path)
    images = np.random.default_rng(1).integers(0, 256, (5, *model.input_shape[1:]), "uint8")
    network = network_of(keras.saving.load_model(champion.path))
    expected = network.predict(images, verbose=0)
    assert np.abs(model.predict(images, verbose=0) - expected).max() > 0.001
    load_champion_weights(model, InitialModel(champion.path, "1", ("a", "b", "c")), ("a", "b", "c"))
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-6)


def test_averaging_wants_a_flip_that_keeps_labels() -> None:
    """Nobody said that a mirrored digit is the same digit."""
    with pytest.raises(ValidationError, match=r"set generators\.horizontal_flip"):
        RetrainConfig.model_validate({"training": {"test_time_augmentation": True}})

"""A trained model goes in; the one that is saved, evaluated and registered comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.training.temperature import scale_temperature
from tasks.training.test_time_augmentation import average_over_flips

if TYPE_CHECKING:
    import keras

    from tasks.training.request import TrainingRequest


def finish_model(model: keras.Model, request: TrainingRequest) -> tuple[keras.Model, float]:
    """Do what the settings want of a trained model; return it and its temperature.

    Args:
        model: with the best weights; may be changed in place.
        request: its settings and data.
    """
    temperature = 1.0
    if request.settings.temperature_scaling:
        temperature = scale_temperature(model, request.inputs)
    if request.settings.test_time_augmentation:
        model = average_over_flips(model, request.inputs.settings)
    return model, temperature

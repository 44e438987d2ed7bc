"""A trained model goes in; the same one, whose confidence says how often it is right, comes out.

Temperature scaling (Guo et al., On Calibration of Modern Neural Networks, ICML 2017): one number
divides what goes into the softmax, so that the answers stay and their confidences change. It
becomes part of the last layer's weights, and nothing that loads the model needs to know.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from tasks.generators.inputs import TARGET
from tasks.generators.pipelines import evaluation_batches
from tasks.inventory.columns import SPLIT, VALIDATION
from tasks.models.architectures import HEAD

if TYPE_CHECKING:
    import keras

    from tasks.generators.inputs import Inputs

# With fewer validation images a temperature is a guess.
MIN_IMAGES = 50
# Of the temperature, 0.1 to 10; the least probability that counts.
BOUNDS, SMALLEST = (-2.3, 2.3), 1e-7

log = logging.getLogger("pixelgate.training")


def scale_temperature(model: keras.Model, inputs: Inputs) -> float:
    """Divide the last layer's weights by the temperature that fits the validation split best.

    Args:
        model: as `build_model` returns it, trained; changed in place.
        inputs: that it was trained on.

    Returns:
        The temperature; 1 where there are too few validation images to fit one.
    """
    index = pd.read_parquet(inputs.index, columns=[SPLIT, TARGET])
    targets = index.loc[index[SPLIT] == VALIDATION, TARGET].to_numpy()
    if len(targets) < MIN_IMAGES:
        log.info("%d validation images are too few to fit a temperature", len(targets))
        return 1.0
    outputs = model.predict(evaluation_batches(inputs, VALIDATION), verbose=0)
    temperature = fit_temperature(outputs, targets)
    head = model.get_layer(HEAD)
    head.set_weights([weights / temperature for weights in head.get_weights()])
    log.info("confidences are scaled by a temperature of %.2f", temperature)
    return temperature


def fit_temperature(outputs: np.ndarray, targets: np.ndarray) -> float:
    """Return the temperature at which probabilities have the smallest log loss.

    Args:
        outputs: (images, classes) softmax probabilities, or (images, 1) of a sigmoid.
        targets: (images,) class indices.
    """
    probabilities = np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs
    # The logits but for a constant of each image, which the softmax doesn't see.
    logits = np.log(probabilities.astype("float64").clip(SMALLEST))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        of_target = scaled[np.arange(len(targets)), targets]
        return float((np.log(np.exp(scaled).sum(axis=1)) - of_target).mean())

    return float(np.exp(minimize_scalar(loss, bounds=BOUNDS, method="bounded").x))

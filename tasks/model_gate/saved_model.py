"""A registered file and the evaluated model go in; a check that they predict the same comes out."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from tasks.runs.check import Check

if TYPE_CHECKING:
    from collections.abc import Callable

    Predict = Callable[[Path, np.ndarray], np.ndarray]

# Sums of float32 in another order differ by less than this; another model differs by far more.
LARGEST_DIFFERENCE = 1e-5

# The script a user without Pixelgate would write to use the model.
PROBE = """
import sys
import keras, numpy as np
model, images, predictions = sys.argv[1:]
np.save(predictions, keras.saving.load_model(model).predict(np.load(images), verbose=0))
"""


def predict_in_fresh_process(model: Path, images: np.ndarray) -> np.ndarray:
    """Load a .keras file in a fresh interpreter, without Pixelgate, and predict.

    In this process the file would load even if it needed custom objects, since the training
    registered them.

    Args:
        model: .keras file.
        images: (n, height, width, channels) uint8.

    Returns:
        (n, outputs) float32.

    Raises:
        ValueError: the interpreter ended with an error; its last line is the message.
    """
    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = Path(folder, "images.npy"), Path(folder, "predictions.npy")
        np.save(inputs, images)
        # -P keeps the working directory off the path, so that none of our modules is found.
        command = [sys.executable, "-P", "-c", PROBE, str(model), str(inputs), str(outputs)]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter and script
        if ended.returncode:
            raise ValueError((ended.stderr.strip().splitlines() or ["no message"])[-1])
        predictions: np.ndarray = np.load(outputs)
    return predictions


def check_saved_file(
    saved: Path,
    evaluated: Path,
    images: np.ndarray,
    *,
    predict: Predict | None = None,
) -> Check:
    """Compare a registered file, loaded in a fresh process, with the model that was evaluated.

    Args:
        saved: .keras file, as stored in the registry.
        evaluated: .keras file that was evaluated.
        images: (n, height, width, channels) uint8, which both predict.
        predict: loads the saved file and predicts, or raises ValueError if it can't be loaded; by
            default `predict_in_fresh_process`.
    """
    predict = predict or predict_in_fresh_process
    expected = keras.saving.load_model(evaluated).predict(images, verbose=0)
    try:
        difference = float(np.abs(predict(saved, images) - expected).max())
        observed = f"largest difference {difference:.2g} on {len(images)} images"
        same = difference < LARGEST_DIFFERENCE
    except ValueError as error:
        observed, same = f"the file could not be loaded: {error}", False
    return Check(
        rule="saved_file_answers_the_same",
        threshold="the same predictions in a fresh process with nothing but Keras",
        observed=observed,
        success=same,
        remedy="The saved file is not the model that was tested: keep custom layers out of it.",
    )

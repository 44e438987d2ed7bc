"""A registered file and the evaluated model go in; a check that they predict the same comes out."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from tasks.runs.check import Check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Predict = Callable[[Path, np.ndarray], np.ndarray]

# Sums of float32 in another order differ by less than this; another model differs by far more.
LARGEST_DIFFERENCE = 1e-5

# The script a user without Pixelgate would write to use the model; it is told last which one.
PROBE = """
import os, sys
import keras, numpy as np
model, images, predictions = map(os.fsdecode, sys.stdin.buffer.read().split(b"\\0"))
np.save(predictions, keras.saving.load_model(model).predict(np.load(images), verbose=0))
"""


@contextlib.contextmanager
def fresh_interpreter() -> Iterator[Predict]:
    """Start a fresh interpreter, without Pixelgate, which imports Keras while the caller goes on.

    In this process a file would load even if it needed custom objects, since the training
    registered them.

    Yields:
        A function, to be called once, of a .keras file and (n, height, width, channels) uint8
        images, which the interpreter loads and predicts; it returns (n, outputs) float32. It raises
        ValueError if the interpreter ends with an error, whose last line is the message, and
        ChildProcessError if a signal ends it.
    """
    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs, errors = (
            Path(folder, name) for name in ("images.npy", "answers.npy", "errors")
        )
        with errors.open("wb") as stderr:
            # -P keeps the working directory off the path, so that none of our modules is found.
            child = subprocess.Popen(  # noqa: S603 - our own interpreter and script
                [sys.executable, "-P", "-c", PROBE],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )

        def predict(model: Path, images: np.ndarray) -> np.ndarray:
            np.save(inputs, images)
            # One that has ended already is asked nothing; its error says why.
            child.communicate(b"\0".join(map(os.fsencode, (model.absolute(), inputs, outputs))))
            if child.returncode < 0:
                # No verdict on the file: memory may be short for the moment. The stage is retried.
                how = signal.Signals(-child.returncode).name
                raise ChildProcessError(f"the process that asks the saved model was ended by {how}")
            if child.returncode:
                lines = errors.read_text(errors="replace").strip().splitlines()
                raise ValueError((lines or ["no message"])[-1])
            answers: np.ndarray = np.load(outputs)
            return answers

        try:
            yield predict
        finally:
            child.kill()
            # Closes the pipe, too.
            child.communicate()


def check_saved_file(
    saved: Path,
    evaluated: Path,
    images: np.ndarray,
    *,
    predict: Predict,
) -> Check:
    """Compare a registered file, loaded in a fresh process, with the model that was evaluated.

    Args:
        saved: .keras file, as stored in the registry.
        evaluated: .keras file that was evaluated.
        images: (n, height, width, channels) uint8, which both predict.
        predict: loads the saved file and predicts, or raises ValueError if it can't be loaded, as
            `fresh_interpreter` yields it.
    """
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

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

from tasks.models.prediction import images_at_once, predict
from tasks.runs.check import Check
from tasks.runtime.spare import Spare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    # Of a file and images; what it returns waits for the answers.
    Ask = Callable[[Path, np.ndarray], Callable[[], np.ndarray]]

# Sums of float32 in another order differ by less than this; another model differs by far more.
LARGEST_DIFFERENCE = 1e-5

# The script a user without Pixelgate would write to use the model; it is told last which one, and
# answers as many images at once as this process does, so that both add up in the same order.
PROBE = """
import os, sys
import keras, numpy as np
model, images, answers, size = map(os.fsdecode, sys.stdin.buffer.read().split(b"\\0"))
model, images = keras.saving.load_model(model), np.load(images)
np.save(answers, model.predict(images, batch_size=int(size), verbose=0))
"""


class _Interpreter:
    """An interpreter without Pixelgate, which imports Keras, and then waits for a model."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name)
        self._inputs, self._outputs = path / "images.npy", path / "answers.npy"
        self._errors = path / "errors"
        with self._errors.open("wb") as stderr:
            # -P keeps the working directory off the path, so that none of our modules is found.
            self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and script
                [sys.executable, "-P", "-c", PROBE],
                cwd=path,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        assert self._child.stdin is not None  # noqa: S101 - a pipe, as requested
        self._request = self._child.stdin

    @property
    def has_ended(self) -> bool:
        """Whether it can be asked nothing any more."""
        return self._child.poll() is not None

    def ask(self, model: Path, images: np.ndarray) -> Callable[[], np.ndarray]:
        """Start to load a model and to predict, once; see `fresh_interpreter`."""
        np.save(self._inputs, images)
        size = str(images_at_once(images.shape[1:]))
        request: tuple[str | Path, ...] = (model.absolute(), self._inputs, self._outputs, size)
        # One that has ended already is asked nothing; its error says why.
        with contextlib.suppress(BrokenPipeError), self._request as pipe:
            pipe.write(b"\0".join(map(os.fsencode, request)))
        return self._answers

    def _answers(self) -> np.ndarray:
        code = self._child.wait()
        if code < 0:
            # No verdict on the file: memory may be short for the moment. The stage is retried.
            how = signal.Signals(-code).name
            raise ChildProcessError(f"the process that asks the saved model was ended by {how}")
        if code:
            lines = self._errors.read_text(errors="replace").strip().splitlines()
            raise ValueError((lines or ["no message"])[-1])
        answers: np.ndarray = np.load(self._outputs)
        return answers

    def end(self) -> None:
        """End the process and remove its files."""
        self._child.kill()
        with contextlib.suppress(BrokenPipeError):
            self._request.close()
        self._child.wait()
        self._folder.cleanup()


# Its imports take seconds, for which it need not know the model.
spare = Spare(
    _Interpreter, has_ended=lambda interpreter: interpreter.has_ended, end=_Interpreter.end
)


@contextlib.contextmanager
def fresh_interpreter() -> Iterator[Ask]:
    """Use a fresh interpreter, without Pixelgate, which imports Keras while the caller goes on.

    In this process a file would load even if it needed custom objects, since the training
    registered them.

    Yields:
        A function, to be called once, of a .keras file and (n, height, width, channels) uint8
        images, which the interpreter then loads and predicts. It returns a function that waits for
        the answers, (n, outputs) float32; that raises ValueError if the interpreter ends with an
        error, whose last line is the message, and ChildProcessError if a signal ends it.
    """
    interpreter = spare.take()
    try:
        yield interpreter.ask
    finally:
        interpreter.end()


def check_saved_file(
    saved: Path,
    evaluated: Path,
    images: np.ndarray,
    *,
    ask: Ask,
) -> Check:
    """Compare a registered file, loaded in a fresh process, with the model that was evaluated.

    Args:
        saved: .keras file, as stored in the registry.
        evaluated: .keras file that was evaluated.
        images: (n, height, width, channels) uint8, which both predict.
        ask: loads the saved file and predicts, or raises ValueError if it can't be loaded, as
            `fresh_interpreter` yields it.
    """
    # Both load and predict at the same time, here and there.
    answers = ask(saved, images)
    expected = predict(keras.saving.load_model(evaluated), images)
    try:
        difference = float(np.abs(answers() - expected).max())
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

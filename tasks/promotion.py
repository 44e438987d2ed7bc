"""The model gate: evaluations and a saved file go in; checks and the decision come out."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from tasks.errors import ModelRejectedError
from tasks.records import Check

if TYPE_CHECKING:
    from tasks.config import RegistryConfig
    from tasks.evaluation import Evaluation

# Rounding of float32 in another order of additions.
LARGEST_DIFFERENCE = 1e-5

# What a user without Pixelgate would write to use the model, run in an interpreter of its own.
PROBE = """
import sys
import keras, numpy as np
model, pictures, answers = sys.argv[1:]
np.save(answers, keras.saving.load_model(model).predict(np.load(pictures), verbose=0))
"""


def judge_model(
    evaluation: Evaluation, champion: Evaluation | None, settings: RegistryConfig
) -> tuple[Check, ...]:
    """Compare a model with the floor, with guessing, and with the champion.

    The rules that keep a challenger from promotion without a fault of its own are warnings; the
    others reject it.
    """
    accuracy = f"accuracy {evaluation.accuracy:.4f}"
    checks = [
        Check(
            rule="floor",
            threshold=f"accuracy of at least {settings.min_accuracy:.4f}",
            observed=accuracy,
            success=evaluation.accuracy >= settings.min_accuracy,
            remedy="Train longer or on more data, or lower registry.min_accuracy.",
        ),
        Check(
            rule="better_than_guessing",
            threshold=f"the interval of the accuracy above {evaluation.majority_share:.4f}, the"
            " share of the largest class",
            observed=f"{accuracy}, interval from {evaluation.accuracy_low:.4f}",
            success=evaluation.accuracy_low > evaluation.majority_share,
            remedy="The model has learnt nothing: look at the labels and the training curve.",
        ),
    ]
    if champion is not None:
        least = champion.accuracy - settings.max_accuracy_drop
        checks.append(
            Check(
                rule="no_worse_than_champion",
                severity="warning",
                threshold=f"accuracy of at least {least:.4f} on the same pictures",
                observed=accuracy,
                success=evaluation.accuracy >= least,
                remedy="The champion stays in production. registry.max_accuracy_drop allows more.",
            )
        )
    return tuple(checks)


def check_saved_file(saved: Path, evaluated: Path, pictures: np.ndarray) -> Check:
    """Compare a registered file, loaded in a fresh process, with the model that was evaluated.

    Args:
        saved: .keras file as the registry holds it.
        evaluated: .keras file that was evaluated.
        pictures: (n, height, width, channels) uint8, to ask both about.
    """
    expected = keras.saving.load_model(evaluated).predict(pictures, verbose=0)
    try:
        difference = float(np.abs(answers_of(saved, pictures) - expected).max())
        observed = f"largest difference {difference:.2g} on {len(pictures)} pictures"
        same = difference < LARGEST_DIFFERENCE
    except ValueError as error:
        observed, same = f"the file could not be loaded: {error}", False
    return Check(
        rule="saved_file_answers_the_same",
        threshold="the same answers in a fresh process with nothing but Keras",
        observed=observed,
        success=same,
        remedy="The saved file is not the model that was tested: keep custom layers out of it.",
    )


def answers_of(model: Path, pictures: np.ndarray) -> np.ndarray:
    """Load a .keras file in a fresh interpreter, without Pixelgate, and ask it.

    Args:
        model: the file.
        pictures: (n, height, width, channels) uint8.

    Returns:
        (n, outputs) float32.

    Raises:
        ValueError: the interpreter ended with an error; its last line is the message.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "pictures.npy"), Path(folder, "answers.npy")
        np.save(asked, pictures)
        # -P keeps the working directory off the path, so that nothing of ours can be found.
        command = [sys.executable, "-P", "-c", PROBE, str(model), str(asked), str(answered)]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter and script
        if ended.returncode:
            raise ValueError((ended.stderr.strip().splitlines() or ["no message"])[-1])
        answers: np.ndarray = np.load(answered)
    return answers


def decide(checks: tuple[Check, ...]) -> str:
    """Return promoted, kept_champion (only a warning failed) or model_rejected."""
    if any(not check.success and check.severity == "critical" for check in checks):
        return "model_rejected"
    return "promoted" if all(check.success for check in checks) else "kept_champion"


def tell_decision(
    outcome: str, version: str, evaluation: Evaluation, checks: tuple[Check, ...]
) -> str:
    """Return the decision in one line, with the checks that stood in the way."""
    told = f"version {version} has a test accuracy of {evaluation.accuracy:.4f}"
    if outcome == "promoted":
        return f"{told} and is champion now"
    return f"{told}; " + "; ".join(check.sentence for check in checks if not check.success)


def require_not_rejected(outcome: str, message: str) -> None:
    """Let a model pass that is champion now, or only no better than the champion.

    Raises:
        ModelRejectedError: with the message, which names the rules it broke.
    """
    if outcome == "model_rejected":
        raise ModelRejectedError(message)

"""The model gate: which model becomes champion, and whether its saved file is the same model."""

from __future__ import annotations

import dataclasses
import os
import signal
from typing import TYPE_CHECKING, Any

import keras
import pytest

from tasks.errors import ModelRejectedError
from tasks.generators.inputs import sample_images
from tasks.model_gate.rules import decide, require_not_rejected
from tasks.model_gate.saved_model import (
    check_saved_file,
    fresh_interpreter,
    spare,
)
from tasks.outcome import Outcome
from tasks.registry.champion import (
    champion_version,
    find_champion,
)
from tasks.registry.mlflow_store import CHALLENGER
from tests.command_line import ask_here, predict_here
from tests.processes import children_running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np

    from tests.model_bench import Bench


def test_a_better_model_takes_over_and_a_worse_one_does_not(bench: Bench) -> None:
    """The alias moves only to a model that is no worse."""
    bench.retrain(0.9, run="run1")
    worse = bench.retrain(0.885, run="run2", champion=0.9).decision
    assert worse.outcome is Outcome.KEPT_CHAMPION
    assert "no_worse_than_champion" in worse.message
    assert champion_version(bench.store) == "1"
    require_not_rejected(worse)
    tolerated = bench.retrain(0.885, run="run3", champion=0.9, margin=0.02).decision
    assert tolerated.outcome is Outcome.PROMOTED
    assert bench.retrain(0.9, run="run4", champion=0.9).decision.outcome is Outcome.PROMOTED
    assert champion_version(bench.store) == "4"


@pytest.mark.parametrize(
    ("accuracy", "least", "rule"),
    [(0.45, 0.5, "floor"), (0.405, 0.3, "better_than_guessing")],
)
def test_a_model_below_the_floor_is_rejected(
    bench: Bench, accuracy: float, least: float, rule: str
) -> None:
    """It stays challenger, with the reason, and never becomes champion."""
    registry = bench.config.registry.model_copy(update={"min_accuracy": least})
    bench = dataclasses.replace(
        bench, config=bench.config.model_copy(update={"registry": registry})
    )
    decision = bench.retrain(accuracy).decision
    assert decision.outcome is Outcome.MODEL_REJECTED
    assert [check.rule for check in decision.checks if not check.success] == [rule]
    assert find_champion(bench.store) is None
    with pytest.raises(ModelRejectedError, match=rule):
        require_not_rejected(decision)
    version = bench.store.version_by_alias(CHALLENGER)
    assert version is not None
    assert version.tags[f"pixelgate.check.{rule}"].startswith("FAIL")


def test_judging_again_comes_to_the_same_decision(bench: Bench) -> None:
    """Nothing in the store changes by it."""
    candidate = bench.register()
    first = bench.judge(candidate, 0.9, champion=None)
    assert bench.judge(candidate, 0.9, champion=None) == first
    assert champion_version(bench.store) is None


def test_the_registered_file_predicts_alike_in_a_fresh_process(bench: Bench) -> None:
    """With nothing but Keras, on the file that the registry holds."""
    candidate = bench.register()
    images = sample_images(bench.inputs)[:16]
    with fresh_interpreter() as ask:
        check = check_saved_file(candidate.file, bench.model, images, ask=ask)
    assert check.success
    assert check.observed.startswith("largest difference")
    assert check.observed.endswith("on 16 images")


@keras.saving.register_keras_serializable(package="ours")
class OurLayer(keras.layers.Layer):
    """Be a layer that only exists here."""

    def call(self, inputs: Any) -> Any:
        """Pass on."""
        return inputs


def test_a_model_that_needs_our_code_is_rejected(bench: Bench, tmp_path: Path) -> None:
    """A file that loads here, but not in a fresh process, never reaches production."""
    inputs = keras.Input(bench.inputs.contract.shape, dtype="uint8")
    flat = keras.layers.Flatten()(OurLayer()(keras.layers.Rescaling(1 / 255)(inputs)))
    file = tmp_path / "custom.keras"
    keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(flat)).save(file)
    images = sample_images(bench.inputs)
    assert check_saved_file(file, file, images, ask=ask_here).success
    with fresh_interpreter() as ask:
        check = check_saved_file(file, file, images, ask=ask)
    assert "OurLayer" in check.observed
    decision = decide("1", bench.with_accuracy(0.9), (check,))
    assert decision.outcome is Outcome.MODEL_REJECTED
    assert "saved_file_answers_the_same" in decision.message


def test_an_interpreter_that_is_killed_says_nothing_of_the_file(bench: Bench) -> None:
    """As when memory runs out: an OSError, after which the stage is tried again."""
    images = sample_images(bench.inputs)
    with fresh_interpreter() as ask:
        (child,) = children_running(b"keras.saving.load_model")
        os.kill(child, signal.SIGKILL)
        with pytest.raises(ChildProcessError, match="ended by SIGKILL"):
            check_saved_file(bench.model, bench.model, images, ask=ask)


def test_an_interpreter_that_was_started_early_is_the_one_that_is_asked(bench: Bench) -> None:
    """One, however often it is started; if it ended meanwhile, another one is asked."""
    images = sample_images(bench.inputs)
    spare.start()
    spare.start()
    (early,) = children_running(b"keras.saving.load_model")
    with fresh_interpreter() as ask:
        assert children_running(b"keras.saving.load_model") == [early]
        assert check_saved_file(bench.model, bench.model, images, ask=ask).success
    assert not children_running(b"keras.saving.load_model")
    spare.start()
    (early,) = children_running(b"keras.saving.load_model")
    os.kill(early, signal.SIGKILL)
    os.waitid(os.P_PID, early, os.WEXITED | os.WNOWAIT)
    with fresh_interpreter() as ask:
        assert check_saved_file(bench.model, bench.model, images, ask=ask).success
    spare.start()
    spare.end()
    assert not children_running(b"keras.saving.load_model")


def test_a_file_of_other_weights_is_rejected(bench: Bench) -> None:
    """The largest difference is in the message."""

    def ask_another(model: Path, images: np.ndarray) -> Callable[[], np.ndarray]:
        return lambda: predict_here(model, images) + 0.001

    check = check_saved_file(bench.model, bench.model, sample_images(bench.inputs), ask=ask_another)
    assert not check.success
    assert "0.001" in check.observed

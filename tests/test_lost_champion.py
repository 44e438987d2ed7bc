"""A champion whose file can't be loaded is compared by the answers that were kept of it."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest

from tasks.errors import PixelgateError
from tasks.evaluation.answers import write_probabilities
from tasks.evaluation.compare import Contender, copy_evaluations, evaluate_both
from tasks.model_gate.attribution import check_attribution
from tasks.model_gate.versus import compare_evaluations
from tasks.registry.champion import champion_classes, require_champion
from tasks.registry.contender import champion_as_contender
from tasks.registry.kept_probabilities import TAG, kept_probabilities
from tasks.storage.hashing import file_digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from tasks.evaluation.evaluation_record import Evaluation
    from tests.command_line import Command
    from tests.image_trees import Tree
    from tests.model_bench import Bench


def evaluated(
    bench: Bench, folder: Path, inventory: pd.DataFrame | None = None
) -> tuple[Evaluation, Evaluation]:
    """Evaluate the bench's model and the champion as a run does."""
    evaluate_both(
        Contender.of(bench.model, bench.inputs.contract),
        champion_as_contender(bench.store),
        bench.inventory if inventory is None else inventory,
        bench.config,
        directory=folder / "evaluated",
    )
    challenger, champion = copy_evaluations(folder / "evaluated", folder / "evidence")
    assert champion is not None
    return challenger, champion


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(b"PK garbled"),
        lambda file: shutil.rmtree(file.parents[1]),
        lambda file: (file.parents[1] / "MLmodel").write_text("flavors: [\n"),
    ],
    ids=["file", "garbled", "folder", "MLmodel"],
)
def test_a_lost_file_is_compared_by_its_kept_answers(
    bench: Bench,
    tmp_path: Path,
    damage: Callable[[Path], object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """On the same images, with the same probabilities, and the decision says so."""
    bench.retrain(0.9)
    damage(require_champion(bench.store).file)
    with caplog.at_level(logging.WARNING, "pixelgate"):
        challenger, champion = evaluated(bench, tmp_path)
    assert "version 1 can't be loaded" in caplog.text
    assert champion.version == "1"
    assert champion.accuracy == bench.evaluation.accuracy
    assert champion.log_loss == pytest.approx(bench.evaluation.log_loss)
    assert (champion.latency, champion.robust_accuracy) == (None, None)
    comparison = compare_evaluations(challenger, champion, bench.config.promotion)
    assert (comparison.images, comparison.difference) == (challenger.test_images, 0)
    (check,) = check_attribution(challenger, champion, None)
    assert "the champion can't be loaded (Version 1, the champion of bench," in check.observed
    assert champion_classes(bench.store) == ("a", "b")


@keras.saving.register_keras_serializable(package="of_another_keras")
class ForgottenLayer(keras.layers.Layer):
    """Be a layer that this Keras doesn't know any more."""

    def call(self, inputs: object) -> object:
        """Pass on."""
        return inputs


def test_a_file_of_another_keras_is_compared_too(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is intact, but what it is made of is gone."""
    images = keras.Input(bench.inputs.contract.shape, dtype="uint8")
    flat = keras.layers.Flatten()(ForgottenLayer()(keras.layers.Rescaling(1 / 255)(images)))
    network = keras.Model(images, keras.layers.Dense(2, activation="softmax")(flat))
    network.save(tmp_path / "old.keras")
    dataclasses.replace(bench, model=tmp_path / "old.keras").retrain(0.9)
    monkeypatch.delitem(
        keras.saving.get_custom_objects(), "of_another_keras>ForgottenLayer", raising=True
    )
    _, champion = evaluated(bench, tmp_path)
    assert "could not be deserialized" in champion.not_loaded
    assert champion.accuracy == bench.evaluation.accuracy


def test_images_that_came_since_have_no_kept_answer(bench: Bench, tmp_path: Path) -> None:
    """They are left out of the comparison; with no others there is none."""
    bench.retrain(0.9)
    require_champion(bench.store).file.unlink()
    tests = np.flatnonzero(bench.inventory["split"] == "test")
    kept = kept_probabilities(bench.store, "1")
    assert kept is not None
    file = next(bench.config.paths.artifacts.rglob("probabilities.parquet"))
    known = bench.inventory["sha256"].iloc[tests[:4]]
    write_probabilities(file, kept.loc[known])
    with pytest.raises(PixelgateError, match="lost or damaged"):
        # Not what was registered: nobody's answers.
        evaluated(bench, tmp_path)
    bench.store.client.set_model_version_tag("bench", "1", TAG, file_digest(file))
    challenger, champion = evaluated(bench, tmp_path)
    assert (challenger.test_images, champion.test_images) == (len(tests), 4)
    without = bench.inventory[~bench.inventory["sha256"].isin(known)]
    with pytest.raises(PixelgateError, match="lost or damaged"):
        evaluated(bench, tmp_path / "none", without)


def test_a_run_goes_on_without_the_champions_file(pixelgate: Command, image_tree: Tree) -> None:
    """The whole command ends with a comparison, and the summary says what it rests on."""
    root = image_tree()
    first = pixelgate("run", "--data", root, "--set", "training.epochs=3", "--json", flow=True)
    assert first.json["outcome"] == "promoted", first.err
    home = root.parent / "home"
    for file in (home / "state").rglob("*.keras"):
        if "artifacts" in str(file):
            file.unlink()
    image_tree({"cat": 44, "dog": 44})
    again = pixelgate("run", "--data", root, "--set", "training.epochs=3", "--json", flow=True)
    assert again.code == 0, again.err
    assert again.json["outcome"] in ("promoted", "kept_champion")
    assert "the champion can't be loaded" in str(again.json["model_gate"])

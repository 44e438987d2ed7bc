"""The model in production: found with its contract, and used to predict."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from mlflow.models import Model

from tasks.errors import NoChampionError
from tasks.registry.champion import (
    champion_classes,
    champion_version,
    find_champion,
    find_initial_model,
    find_judged_run,
    require_champion,
)
from tasks.serving.predictor import predict_files
from tests.fatal_files import decode_or_die

if TYPE_CHECKING:
    from pathlib import Path

    from tests.model_bench import Bench


def test_questions_before_the_first_run_create_no_store(fresh_bench: Bench) -> None:
    """There is no champion, no version and no judged run, and no database is written."""
    assert find_champion(fresh_bench.store) is None
    assert champion_version(fresh_bench.store) is None
    assert champion_classes(fresh_bench.store) is None
    assert find_initial_model(fresh_bench.store) is None
    assert find_judged_run(fresh_bench.store, "recipe-0.9") is None
    assert not fresh_bench.config.home.exists()


def test_the_contract_comes_back_as_it_was_registered(bench: Bench) -> None:
    """With the file and the version; a warm start and the data gate get their part of it."""
    bench.retrain(0.9)
    champion = require_champion(bench.store)
    assert champion.version == "1"
    assert champion.contract == bench.inputs.contract
    assert champion.file.is_relative_to(bench.config.paths.artifacts)
    signature = Model.load(str(bench.store.model_path("1"))).signature
    assert signature.inputs.input_names() == ["images"]
    assert signature.inputs.inputs[0].shape == (-1, 16, 16, 1)
    assert champion_classes(bench.store) == ("a", "b")
    initial = find_initial_model(bench.store)
    assert initial is not None
    assert (initial.version, initial.classes) == ("1", ("a", "b"))


def test_a_judged_recipe_is_found_again(bench: Bench) -> None:
    """Only a run that was judged to its end, and only while a model is in production."""
    assert find_judged_run(bench.store, "recipe-0.9") is None
    bench.retrain(0.45, run="run1")
    assert find_judged_run(bench.store, "recipe-0.45") is None
    bench.retrain(0.9, run="run2")
    judged = find_judged_run(bench.store, "recipe-0.9")
    assert judged is not None
    assert judged["model_version"] == "2"
    assert judged["metrics"]["accuracy"] == 0.9
    assert find_judged_run(bench.store, "recipe-0.45") is None
    assert find_judged_run(bench.store, "recipe-0.8") is None


def test_prediction_needs_a_champion(bench: Bench) -> None:
    """The error names the model and the way to get one."""
    with pytest.raises(NoChampionError, match=r"bench.*pixelgate run"):
        predict_files([bench.root], bench.store, max_pixels=10**6)


def test_prediction_names_every_image_or_says_why_not(bench: Bench, tmp_path: Path) -> None:
    """Files and folders; what can't be read keeps its row."""
    bench.retrain(0.9)
    shutil.copytree(bench.root, tmp_path / "data")
    root = tmp_path / "data"
    (root / "a/bad.png").write_bytes(b"no image")
    (root / "a/notes.txt").write_text("a note")
    (root / "a/phone.svg").write_bytes(b"\0\1\2")
    shutil.copy(root / "a/000.png", root / "a/bare")
    table = predict_files([root / "a", root / "b/000.png"], bench.store, max_pixels=10**6)
    assert len(table) == 45
    bad = table[table["error"].notna()]
    names = ["bad.png", "notes.txt", "phone.svg"]
    assert bad["path"].tolist() == [str(root / "a" / name) for name in names]
    assert table["predicted"].notna().sum() == 42
    assert bad["predicted"].isna().all()
    assert set(table["predicted"].dropna()) <= {"a", "b"}
    test = bench.inventory[bench.inventory["split"] == "test"]
    evaluated = pd.read_parquet(bench.evaluation.predictions).set_index("path")["predicted"]
    files = [bench.root / path for path in test["path"]]
    named = predict_files(files, bench.store, max_pixels=10**6)
    assert named["predicted"].tolist() == evaluated[test["path"]].tolist()


def test_a_file_that_crashes_its_decoder_has_a_row(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the signal; the others are predicted."""
    monkeypatch.setattr("tasks.serving.predictor.decode_with_notes", decode_or_die)
    bench.retrain(0.9)
    for number, name in enumerate(("1.png", "fatal.png", "2.png")):
        shutil.copy(bench.root / f"a/00{number}.png", tmp_path / name)
    files = [tmp_path / name for name in ("1.png", "fatal.png", "2.png")]
    table = predict_files(files, bench.store, max_pixels=10**6)
    reasons = table["error"].fillna("").tolist()
    assert reasons == ["", "reading it ended the process (SIGSEGV)", ""]
    assert table["predicted"].isna().tolist() == [False, True, False]

"""What a version was made of, which versions saw an image, and how two versions differ."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from PIL import Image

from tasks.config.promotion import PromotionConfig
from tasks.errors import UsageError
from tasks.registry.lineage import trace_image, trace_model, trained_on
from tasks.registry.version_diff import diff_versions
from tests.image_trees import draw_image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command
    from tests.model_bench import Bench

PIXELS = 10**6


def second_run(bench: Bench, folder: Path) -> Bench:
    """Return the bench after another run: an image more, one relabelled, and answers that changed.

    Only what a run leaves as evidence is changed.
    """
    shutil.copytree(bench.folder / "evidence", folder / "evidence")
    predictions = folder / "evidence/evaluation/predictions.parquet"
    table = pd.read_parquet(predictions)
    table["predicted"] = table["label"]
    table.loc[0, "predicted"] = "b" if table.loc[0, "label"] == "a" else "a"
    table.to_parquet(predictions)
    inventory = folder / "evidence/inventory.parquet"
    files = pd.read_parquet(inventory)
    extra = files.iloc[[0]].assign(path="a/new.png", sha256="f" * 64, pixel_hash="f" * 32)
    files.loc[1, "label"] = "b"
    pd.concat([files, extra], ignore_index=True).to_parquet(inventory)
    return dataclasses.replace(bench, folder=folder)


def test_a_version_knows_its_images(bench: Bench) -> None:
    """By number, alias or run; with the split that each had."""
    bench.retrain(0.9, run="run1")
    for name in ("1", "champion", "run1"):
        origin = trace_model(bench.store, name)
        assert (origin.version, origin.run) == ("1", "run1")
        assert origin.counts == bench.inventory["split"].value_counts().to_dict()
        assert origin.provenance["pixelgate.data_fingerprint"] == "f00d"
    not_test = bench.inventory[bench.inventory["split"] != "test"]
    assert trained_on(bench.store, "1") == frozenset(not_test["sha256"])
    with pytest.raises(UsageError, match="No version 20261126-000000-abcd"):
        trace_model(bench.store, "20261126-000000-abcd")
    with pytest.raises(UsageError, match="No version run'1"):
        trace_model(bench.store, "run'1")


def test_an_image_is_known_by_its_content(bench: Bench, tmp_path: Path) -> None:
    """Under another name, or saved again in another format; and one that was never seen."""
    bench.retrain(0.9, run="run1")
    bench.retrain(0.91, run="run2", champion=0.9)
    image = bench.inventory.iloc[3]
    moved, saved, new = tmp_path / "moved.png", tmp_path / "saved.bmp", tmp_path / "new.png"
    shutil.copy(bench.root / image["path"], moved)
    Image.open(moved).save(saved)
    draw_image(1, 999, size=(16, 16), mode="L").save(new)
    for file, match in ((moved, "same file"), (saved, "same pixels")):
        rows = trace_image(bench.store, file, max_pixels=PIXELS)
        assert [(row["version"], row["match"]) for row in rows] == [("2", match), ("1", match)]
        assert (rows[0]["split"], rows[0]["path"]) == (image["split"], image["path"])
    unseen = trace_image(bench.store, new, max_pixels=PIXELS)
    assert [(row["split"], row["match"]) for row in unseen] == [(None, None), (None, None)]
    (tmp_path / "torn.png").write_bytes(b"no image")
    assert trace_image(bench.store, tmp_path / "torn.png", max_pixels=PIXELS)[0]["split"] is None
    with pytest.raises(UsageError, match=r"gone\.png can't be read"):
        trace_image(bench.store, tmp_path / "gone.png", max_pixels=PIXELS)


def test_evidence_that_is_lost_is_no_answer(bench: Bench) -> None:
    """Not kept is not the same as never seen."""
    bench.retrain(0.9, run="run1")
    for file in bench.config.paths.artifacts.rglob("index.parquet"):
        file.unlink()
    assert trained_on(bench.store, "1") is None
    file = bench.root / bench.inventory.iloc[0]["path"]
    assert trace_image(bench.store, file, max_pixels=PIXELS)[0]["split"] == "not kept"


def test_two_versions_are_compared_on_their_common_images(
    bench: Bench, pixelgate: Command, tmp_path: Path
) -> None:
    """Answers that changed, by file; the data that changed between them; settings."""
    bench.retrain(0.9, run="run1")
    second_run(bench, tmp_path / "second").retrain(0.95, run="run2", champion=0.9)
    diff = diff_versions(bench.store, "1", "champion", PromotionConfig())
    before = pd.read_parquet(bench.evaluation.predictions)
    wrong_before = before[before["predicted"] != before["label"]]
    assert {"metric": "accuracy", "a": 0.9, "b": 0.95} in diff.metrics
    assert diff.comparison is not None
    assert diff.comparison["images"] == len(before)
    assert {row["path"] for row in diff.newly_right} == set(
        wrong_before["path"].drop(0, errors="ignore")
    )
    assert len(diff.newly_wrong) == int(before["predicted"][0] == before["label"][0])
    assert diff.data == {"added": 1, "relabelled": 1}
    assert diff.settings == []

    ended = pixelgate("diff", "1", "2", "--name", "bench")
    assert ended.code == 0, ended.err
    assert f"On {len(before)} test images of both, version 2 is newly right about" in ended.err
    assert "files, from version 1 to version 2:" in ended.err
    assert pixelgate("diff", "1", "2", "--name", "bench", "--json").json["data"] == diff.data
    missing = pixelgate("diff", "1", "7", "--name", "bench")
    assert (missing.code, "No version 7 of bench. There are: 1, 2." in missing.err) == (2, True)


def test_lineage_on_the_command_line(bench: Bench, pixelgate: Command) -> None:
    """One command for versions, runs and files."""
    bench.retrain(0.9, run="run1")
    told = pixelgate("lineage", "champion", "--name", "bench")
    assert told.code == 0, told.err
    assert "version 1, made by run run1" in told.err
    assert "data_fingerprint: f00d" in told.err
    image = bench.inventory.iloc[3]
    row, *_ = pixelgate("lineage", bench.root / image["path"], "--name", "bench", "--json").json
    assert (row["split"], row["label"]) == (image["split"], image["label"])
    listed = pixelgate("lineage", "run1", "--name", "bench", "--json").json
    assert len(listed["images"]) == len(bench.inventory)
    nobody = pixelgate("lineage", "nothing.png", "--name", "bench")
    assert (nobody.code, "No version nothing.png" in nobody.err) == (2, True)

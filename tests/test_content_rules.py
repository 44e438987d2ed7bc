"""Rules about what photographs show: wrong labels, outliers and drift, by their embeddings."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter
from sklearn.datasets import load_sample_images

from tasks.orchestration.gate_run import accept_data, judge_data
from tasks.reporting.gallery import build_gallery
from tasks.validation.baseline import accept_baseline
from tests.gate_keeper import broken_rules
from tests.scenes import SIZE, draw_scene, write_scenes

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.validation.verdict import Finding, Verdict
    from tests.gate_keeper import GateKeeper

CLASSES = {"discs": 70, "bars": 70, "triangles": 70}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Write three kinds of scenes."""
    return write_scenes(tmp_path / "photos", CLASSES)


def finding_of(verdict: Verdict, rule: str) -> Finding:
    """Return the only finding of a rule."""
    (finding,) = (each for each in verdict.findings if each.rule == rule)
    return finding


def draw_chart() -> Image.Image:
    """Draw coloured bars, as a scanner is tested with."""
    bars = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(bars).resize(SIZE, Image.Resampling.NEAREST)


def load_photograph() -> Image.Image:
    """Return a real photograph, of a temple."""
    return Image.fromarray(load_sample_images().images[0]).resize(SIZE)


def test_photographs_as_they_are_break_none_of_them(keeper: GateKeeper, photos: Path) -> None:
    """Not the first time, nor compared with themselves; and none needs a setting."""
    verdict = keeper.accept(photos)
    assert "label_errors" not in broken_rules(verdict)
    assert finding_of(verdict, "label_errors").offenders == 0
    again = keeper.judge(photos)
    assert [each.success for each in again.findings if each.rule == "drift_embedding"] == [True] * 5
    # Drawn scenes differ more among each other than photographs do.
    assert finding_of(again, "outliers").offenders <= 5


def test_wrong_labels_of_photographs_are_found(keeper: GateKeeper, photos: Path) -> None:
    """Most of those that were moved, named with what they look like; hardly any other."""
    moved = set()
    for number in range(0, 60, 6):
        place = photos / f"bars/moved{number}.jpg"
        (photos / f"discs/{number:03d}.jpg").rename(place)
        moved.add(place.relative_to(photos).as_posix())
    verdict = keeper.judge(photos)
    assert "label_errors" in broken_rules(verdict)
    ranked = pd.read_parquet(verdict.offenders.with_name("label_errors.parquet"))
    found = set(ranked["path"])
    # Of so few, only what the probe is sure of.
    assert len(found & moved) >= 2
    assert len(found - moved) <= 1
    assert set(ranked.loc[ranked["path"].isin(moved), "predicted_label"]) == {"discs"}


def test_labels_that_nothing_tells_apart_are_not_judged(
    keeper: GateKeeper, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One kind of scenes in three classes: a probe that guesses holds nothing against a label."""
    for label in CLASSES:
        (tmp_path / "photos" / label).mkdir(parents=True)
    for number in range(210):
        file = tmp_path / "photos" / list(CLASSES)[number % 3] / f"{number}.jpg"
        draw_scene(number).save(file, quality=92)
    with caplog.at_level(logging.INFO, "pixelgate.validation"):
        verdict = keeper.judge(tmp_path / "photos")
    assert "label_errors" not in {each.rule for each in verdict.findings}
    assert "labels are not judged: the quick model is right for only" in caplog.text


def test_a_strange_image_is_an_outlier(keeper: GateKeeper, photos: Path) -> None:
    """A warning that names it and shows it in the report; it can be left out."""
    draw_chart().save(photos / "bars/chart.jpg", quality=92)
    load_photograph().save(photos / "discs/china.jpg", quality=92)
    far = {"far": 8, "max_share": 0.001}
    verdict = keeper.judge(photos, outliers=far)
    assert "outliers" in broken_rules(verdict)
    assert verdict.accepted
    finding = finding_of(verdict, "outliers")
    assert finding.offenders == 2
    assert finding.examples[0].startswith("bars/chart.jpg: ")
    assert "standard deviations from its class" in finding.examples[0]
    assert "gate.outliers.far" in finding.remedy
    sections = build_gallery(
        [finding.model_dump()], verdict.offenders.parent, root=photos, max_pixels=10**7
    )
    # The farthest first.
    assert [item["path"] for item in sections[0]["items"]] == ["discs/china.jpg", "bars/chart.jpg"]
    assert all(item["url"].startswith("data:image/") for item in sections[0]["items"])
    assert "outliers" not in broken_rules(keeper.judge(photos, outliers={"far": 99}))
    assert keeper.judge(photos, outliers={**far, "quarantine": True}).quarantined == 2


def test_too_few_photographs_have_no_outliers(keeper: GateKeeper, tmp_path: Path) -> None:
    """Nobody knows yet what is usual."""
    root = write_scenes(tmp_path / "photos", {"discs": 20, "bars": 20})
    draw_chart().save(root / "bars/chart.jpg", quality=92)
    assert "outliers" not in {each.rule for each in keeper.judge(root).findings}


def test_other_photographs_than_before_are_drift(keeper: GateKeeper, photos: Path) -> None:
    """All on their side and out of focus: sizes stay, and what they show moves."""
    keeper.accept(photos)
    for file in photos.rglob("*.jpg"):
        image = Image.open(file)
        changed = image.filter(ImageFilter.GaussianBlur(4)).transpose(Image.Transpose.ROTATE_180)
        changed.save(file, quality=92)
    verdict = keeper.judge(photos)
    assert "drift_embedding" in broken_rules(verdict)
    assert verdict.accepted
    remedies = {each.remedy for each in verdict.failures if each.rule == "drift_embedding"}
    assert any("gate.drift_embedding.max_distance" in remedy for remedy in remedies)


def test_data_accepted_by_an_operator_is_a_reference(keeper: GateKeeper, photos: Path) -> None:
    """From the evidence of its run, as at the end of a retraining: with the axes of its images."""
    config = keeper.config(photos)
    baseline = accept_data(config, reason="as it should be")
    assert baseline.record["embedding"]
    assert baseline.files["embedding_off_axes"].notna().all()
    verdict, summary = judge_data(config)
    assert summary.exit_code == 0
    assert sum(each.rule == "drift_embedding" for each in verdict.findings) == 5


def test_a_baseline_without_embeddings_is_no_reference(keeper: GateKeeper, photos: Path) -> None:
    """Such as one accepted before the extra was installed; the next one is."""
    config = keeper.config(photos)
    verdict = keeper.judge(photos)
    before = accept_baseline(
        config.paths, keeper.inventory(photos), verdict, run_id="before", max_baselines=2
    )
    assert before.record["embedding"] is None
    verdict = keeper.judge(photos)
    assert "drift_brightness" in {each.rule for each in verdict.findings}
    assert "drift_embedding" not in {each.rule for each in verdict.findings}

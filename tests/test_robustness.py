"""Corrupted images, latency and file size: what a gain of accuracy may not cost."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from tasks.config.schema import RetrainConfig
from tasks.evaluation.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from tasks.evaluation.evaluate import evaluate_model
from tasks.evaluation.evaluation_record import Evaluation
from tasks.evaluation.metrics import measure_answers
from tasks.evaluation.robustness import images_to_corrupt, measure_robustness
from tasks.model_gate.cost_rules import check_costs
from tasks.model_gate.rules import decide, judge_model
from tasks.model_gate.versus import compare_evaluations
from tasks.models.contract import InputContract
from tasks.outcome import Outcome
from tests.scenes import draw_scene

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.model_gate.rules import Decision
    from tests.model_bench import Bench

IMAGES = 400
WAYS = len(CORRUPTIONS) * len(SEVERITIES)


def scenes(mode: str) -> np.ndarray:
    """Return three drawn images, (3, height, width, channels) uint8."""
    images = [np.asarray(draw_scene(number).convert(mode).resize((40, 32))) for number in range(3)]
    return np.stack(images).reshape(3, 32, 40, -1)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_stronger_in_each_severity(name: str, mode: str) -> None:
    """Of images of any channels; the same every time, and none of the images is left as it was."""
    images = scenes(mode)
    before = images.copy()
    changed = [corrupt(images, name, severity, seed=1) for severity in SEVERITIES]
    np.testing.assert_array_equal(images, before)
    errors = [np.abs(each.astype("int") - images).mean(axis=(1, 2, 3)) for each in changed]
    assert (errors[0] > 0).all()
    assert (errors[0] < errors[1]).all()
    assert (errors[1] < errors[2]).all()
    for severity, each in zip(SEVERITIES, changed, strict=True):
        assert (each.dtype, each.shape) == (images.dtype, images.shape)
        np.testing.assert_array_equal(each, corrupt(images, name, severity, seed=1))


def test_brightness_and_contrast_do_what_they_say() -> None:
    """By so much of white, and around the image's own mean."""
    images = scenes("RGB").clip(0, 150)
    brighter = corrupt(images, "brightness", 2, seed=0)
    np.testing.assert_allclose(brighter.astype("int") - images, 51, atol=1)
    flat = corrupt(images, "contrast", 3, seed=0)
    assert flat.std() == pytest.approx(0.2 * images.std(), rel=0.2)
    np.testing.assert_allclose(flat.mean((1, 2, 3)), images.mean((1, 2, 3)), atol=1)


def test_a_model_that_looks_at_brightness_alone_fails_where_that_changes() -> None:
    """Shares of each image, and the accuracy of each corruption; noise doesn't deceive it."""
    images = np.repeat(np.array([60, 190], np.uint8), 10)[:, None, None, None]
    images = np.broadcast_to(images, (20, 16, 16, 1)).copy()
    labels = np.repeat(np.array(["dark", "light"], dtype=object), 10)

    def predict(batch: np.ndarray) -> np.ndarray:
        light = (batch.mean(axis=(1, 2, 3)) > 128).astype("float32")
        return np.column_stack([1 - light, light])

    contract = InputContract(("dark", "light"), 16, 16, "grayscale", "sparse")
    rows, shares = measure_robustness(predict, contract, images, labels)
    accuracies = {(row["corruption"], row["severity"]): row["accuracy"] for row in rows}
    assert len(accuracies) == WAYS
    assert accuracies["brightness", 3] == 0.5
    assert accuracies["gaussian_noise", 3] == accuracies["pixelate", 3] == 1
    assert shares[:10].max() < 1
    assert shares[10:].min() == 1
    assert np.mean([*accuracies.values()]) == pytest.approx(shares.mean())


def test_corruptions_are_predicted_together_where_they_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Small images in one call of the model, large ones in many, with the same results."""
    images = scenes("RGB")
    labels = np.array(["dark", "light"] * len(images), dtype=object)[: len(images)]
    calls: list[int] = []

    def predict(batch: np.ndarray) -> np.ndarray:
        calls.append(len(batch))
        light = batch.mean(axis=(1, 2, 3)) / 255
        return np.column_stack([1 - light, light])

    height, width = images.shape[1:3]
    contract = InputContract(("dark", "light"), height, width, "rgb", "sparse")
    together = measure_robustness(predict, contract, images, labels)
    assert calls == [WAYS * len(images)]
    monkeypatch.setattr("tasks.evaluation.robustness.BYTES_AT_ONCE", 1)
    one_by_one = measure_robustness(predict, contract, images, labels)
    assert calls[1:] == [len(images)] * WAYS
    assert one_by_one[0] == together[0]
    np.testing.assert_array_equal(one_by_one[1], together[1])


def test_some_of_the_test_images_are_corrupted() -> None:
    """A sixteenth within bounds, always the same ones; or as many as the settings say."""
    digests = [hashlib.sha256(bytes([n % 256, n // 256])).hexdigest() for n in range(10_000)]
    assert len(images_to_corrupt(digests[:1_600], None)) == 100
    assert len(images_to_corrupt(digests, None)) == 500
    assert images_to_corrupt(digests[:12], None).tolist() == list(range(12))
    assert len(images_to_corrupt(digests, 7)) == 7
    assert not len(images_to_corrupt(digests, 0))
    chosen = images_to_corrupt(digests[:1_600], 100)
    assert (np.diff(chosen) > 0).all()
    # Most of them are chosen among half of the images too.
    half = set(images_to_corrupt(digests[:800], 100))
    assert {n for n in chosen if n < 800} <= half


def evaluation_of(folder: Path, name: str, robust: np.ndarray | None, **facts: Any) -> Evaluation:
    """Return the evaluation of a model that is right about all images, unless corrupted."""
    number = np.arange(IMAGES)
    table = pd.DataFrame(
        {
            "path": [f"{n}.png" for n in number],
            "sha256": [str(n) for n in number],
            "label": np.where(number % 2, "dog", "cat"),
        }
    )
    table = table.assign(predicted=table["label"], probability=0.9)
    if robust is not None:
        table["robust"] = pd.Series(robust).reindex(table.index)
    file = folder / f"{name}.parquet"
    table.to_parquet(file)
    return Evaluation(**measure_answers(table, 0.95), predictions=file, **facts)


def decision_on(challenger: Evaluation, champion: Evaluation, **settings: Any) -> Decision:
    """Decide by the rules against guessing, the champion and costs."""
    config = RetrainConfig.model_validate({"promotion": {"margin": 0.02, **settings}})
    comparison = compare_evaluations(challenger, champion, config.promotion)
    checks = (
        *judge_model(challenger, comparison, config),
        *check_costs(challenger, champion, config.promotion),
    )
    return decide("2", challenger, checks, comparison)


def broken(decision: Decision) -> list[str]:
    """Return the rules that a version broke."""
    return [check.rule for check in decision.checks if not check.success]


def test_a_model_that_bad_light_deceives_stays_out(tmp_path: Path) -> None:
    """As accurate on clean images; only a loss that is certain and large counts."""
    random = np.random.default_rng(0)
    before = random.uniform(0.6, 1, 60)
    champion = evaluation_of(tmp_path, "champion", before)

    def decided(loss: float, images: int = 60, **settings: Any) -> Decision:
        now = (before - loss + random.normal(0, 0.05, 60))[:images]
        return decision_on(evaluation_of(tmp_path, "new", now), champion, **settings)

    assert broken(decided(0.0)) == []
    assert broken(decided(0.03)) == []
    lost = decided(0.2)
    assert broken(lost) == ["robustness"]
    assert lost.outcome is Outcome.KEPT_CHAMPION
    assert "on 60 images, each corrupted in 24 ways" in lost.message
    assert "robustness" in lost.message
    # Two images prove nothing.
    assert broken(decided(0.2, images=2)) == []
    assert broken(decided(0.2, max_robustness_loss=0.4)) == []
    allowed = decided(0.2, max_robustness_loss=1)
    assert "robustness" not in {check.rule for check in allowed.checks}


def test_models_that_are_equally_robust_have_no_loss(tmp_path: Path) -> None:
    """Without a spread there is no interval to compute, and no loss; nor without any corruption."""
    champion = evaluation_of(tmp_path, "champion", np.ones(30))
    same = decision_on(evaluation_of(tmp_path, "new", np.ones(30)), champion)
    assert broken(same) == []
    without = decision_on(evaluation_of(tmp_path, "new", None), champion)
    assert "robustness" not in {check.rule for check in without.checks}


@pytest.mark.parametrize(
    ("rule", "setting", "facts", "said"),
    [
        ("latency", "max_latency_ratio", {"latency": 0.03}, "30.0 ms an image, 3.00 times"),
        ("file_size", "max_size_ratio", {"file_bytes": 3 * 2**20}, "3.0 MiB, 3.00 times"),
    ],
)
def test_what_costs_too_much_stays_out(
    tmp_path: Path, rule: str, setting: str, facts: dict[str, Any], said: str
) -> None:
    """Only if the settings limit it, and only against a champion whose costs are known."""
    champion = evaluation_of(tmp_path, "champion", None, latency=0.01, file_bytes=2**20)
    challenger = evaluation_of(
        tmp_path, "new", None, **{"latency": 0.01, "file_bytes": 2**20, **facts}
    )
    assert broken(decision_on(challenger, champion)) == []
    dear = decision_on(challenger, champion, **{setting: 2})
    assert broken(dear) == [rule]
    assert dear.outcome is Outcome.KEPT_CHAMPION
    assert said in dear.message
    assert broken(decision_on(challenger, champion, **{setting: 4})) == []
    old = dataclasses.replace(champion, latency=None, file_bytes=None)
    assert broken(decision_on(challenger, old, **{setting: 2})) == []


def test_a_real_evaluation_measures_them(bench: Bench, tmp_path: Path) -> None:
    """All of the few test images are corrupted; none if the settings say so."""
    evaluation = bench.evaluation
    assert len(evaluation.robustness) == WAYS
    assert {row["images"] for row in evaluation.robustness} == {evaluation.test_images}
    assert evaluation.robust_accuracy is not None
    assert evaluation.latency is not None
    assert evaluation.latency > 0
    assert evaluation.file_bytes == bench.model.stat().st_size
    assert pd.read_parquet(evaluation.predictions)["robust"].notna().all()
    settings = bench.config.evaluation.model_copy(update={"corrupted_images": 0})
    plain = evaluate_model(
        bench.model,
        bench.inputs.contract,
        bench.inventory,
        bench.config.model_copy(update={"evaluation": settings}),
        predictions=tmp_path / "plain.parquet",
    )
    assert plain.robustness == []
    assert "robust" not in pd.read_parquet(plain.predictions)
    assert plain.accuracy == evaluation.accuracy

"""New images without labels: predictions as Parquet, drift, and the accuracy to expect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.config.gate import GateConfig
from tasks.errors import UsageError
from tasks.serving.expected_accuracy import expect_accuracy
from tasks.serving.score_drift import answer_checks, input_checks
from tasks.serving.scoring import score_images

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command
    from tests.model_bench import Bench
    from tests.prefect_server import PrefectServer

RULES = [
    *("drift_height", "drift_width", "drift_brightness", "drift_contrast", "drift_sharpness"),
    *("drift_confidence", "drift_predictions", "expected_accuracy"),
]


def simulate(
    random: np.random.Generator, count: int, *, harder: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return confidences and whether the answer is right, of an overconfident model."""
    scores = random.normal(2.5 - harder, 1.5, count)
    right = random.random(count) < 1 / (1 + np.exp(-(0.3 + 0.6 * scores)))
    return 1 / (1 + np.exp(-scores)), right


def test_the_expected_accuracy_holds_on_harder_images() -> None:
    """Its interval contains the truth in nearly all shifts; raw confidence is far off."""
    random = np.random.default_rng(3)
    held, errors = 0, []
    for seed in range(30):
        known = simulate(random, 400, harder=0.0)
        new, truth = simulate(random, 500, harder=1.0)
        expected = expect_accuracy(*known, new, seed=seed)
        held += expected.low <= truth.mean() <= expected.high
        errors.append(expected.value - truth.mean())
    assert held >= 26
    assert abs(np.mean(errors)) < 0.02


@pytest.mark.parametrize(("share", "low", "high"), [(1.0, 0.9, 1.0), (0.0, 0.0, 0.1)])
def test_a_model_without_any_mistake_may_still_make_one(
    share: float, low: float, high: float
) -> None:
    """Where all test images are right, or all wrong, confidence says nothing more."""
    right = np.full(50, bool(share))
    expected = expect_accuracy(np.full(50, 0.99), right, np.array([1.0, 0.5, 0.0]), seed=1)
    assert low <= expected.value <= high
    assert 0 <= expected.low <= expected.value <= expected.high <= 1
    assert expected.value not in (0.0, 1.0)


def test_what_differs_is_named() -> None:
    """A darker batch, another mix of classes, less confidence; equal images pass."""
    random = np.random.default_rng(5)
    measures = ("height", "width", "brightness", "contrast", "sharpness")
    known = pd.DataFrame({name: random.normal(100, 10, 300) for name in measures})
    same = pd.DataFrame({name: random.normal(100, 10, 60) for name in measures})
    assert all(check.success for check in input_checks(known, same, GateConfig()))
    dark = same.assign(brightness=same["brightness"] - 40)
    failed = [check for check in input_checks(known, dark, GateConfig()) if not check.success]
    assert [check.rule for check in failed] == ["drift_brightness"]
    assert "known 10" in failed[0].observed
    answers = pd.DataFrame({"predicted": ["a", "b"] * 100, "probability": random.beta(9, 1, 200)})
    assert all(check.success for check in answer_checks(answers, answers.iloc[:50]))
    odd = pd.DataFrame({"predicted": ["a"] * 40 + ["c"] * 10, "probability": [0.4] * 50})
    confidence, shares = answer_checks(answers, odd)
    assert not confidence.success
    assert not shares.success
    assert "most of all b: 0.0%, known 50.0%" in shares.observed
    assert answer_checks(answers, odd.iloc[:5]) == []


def test_new_images_are_scored_to_parquet(bench: Bench, pixelgate: Command, tmp_path: Path) -> None:
    """From the command line: the file has a row for each, and dark images are named as such."""
    bench.retrain(0.9)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for number, file in enumerate(sorted((bench.root / "a").glob("*.png"))[:30]):
        with Image.open(file) as image:
            image.point(lambda value: value // 5).save(inbox / f"{number:02}.png")
    (inbox / "torn.png").write_bytes(b"torn")
    flags = ("--name", "bench", "--home", bench.config.home)
    ended = pixelgate("score", inbox, *flags, "--json")
    assert ended.code == 0, ended.err
    score = ended.json
    assert (score["images"], score["unreadable"], score["model_version"]) == (30, 1, "1")
    assert [check["rule"] for check in score["checks"]] == RULES
    failed = {check["rule"] for check in score["checks"] if not check["success"]}
    assert "drift_brightness" in failed
    assert "drift_height" not in failed
    table = pd.read_parquet(score["predictions"])
    assert len(table) == 31
    assert table["error"].notna().sum() == 1
    assert table["predicted"].notna().sum() == 30
    assert table.loc[table["error"].isna(), "brightness"].max() < 60
    assert set(table["model_version"]) == {"1"}
    assert "drift_brightness" in pixelgate("score", inbox, *flags).out


def test_few_images_and_missing_evidence_are_no_drift(bench: Bench, tmp_path: Path) -> None:
    """A score without checks; without any path the command is wrong."""
    bench.retrain(0.9)
    score = score_images([bench.root / "a/000.png"], bench.store, bench.config)
    assert (score.images, score.checks, score.expected) == (1, (), None)
    assert "nothing to compare with" in score.message
    assert json.loads((score.predictions.parent / "score.json").read_text())["images"] == 1
    torn = tmp_path / "torn.png"
    torn.write_bytes(b"torn")
    assert score_images([torn], bench.store, bench.config).images == 0
    with pytest.raises(UsageError, match="No such image"):
        score_images([tmp_path / "gone.png"], bench.store, bench.config)


def test_the_flow_ends_scored_drifted_or_failed(
    bench: Bench, tmp_path: Path, prefect_server: PrefectServer
) -> None:
    """The state says it, so that an automation can act on it."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.score import score

    bench.retrain(0.9)
    dark = tmp_path / "dark"
    dark.mkdir()
    for number in range(12):
        Image.new("L", (16, 16), number).save(dark / f"{number}.png")
    with temporary_settings({PREFECT_API_URL: prefect_server.url}):
        states = [
            score(bench.config, [str(images)], return_state=True)
            for images in (bench.root / "a/000.png", dark, tmp_path / "gone.png")
        ]
    assert [state.name for state in states] == ["Scored", "Drifted", "Failed"]
    assert "differs in drift_brightness" in str(states[1].message)
    assert "No such image" in str(states[2].message)

"""The drill: every rule trips on its fault, and a gate with a hole in it is found out."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from flows.cli.demo import write_digits
from tasks.config.gate import GateConfig
from tasks.drill.kept_drill import last_drill
from tasks.drill.plan import plan_faults
from tasks.drill.rehearsal import (
    UNTOUCHED,
    DrillResult,
    DrillStatus,
    require_all_as_expected,
    run_drill,
)
from tasks.drill.sample import take_sample
from tasks.errors import DrillFailedError, UsageError
from tests.scenes import write_scenes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gate_keeper import GateKeeper
    from tests.image_trees import Tree


def test_every_rule_has_its_fault() -> None:
    """A rule without a drill would be one nobody tried."""
    planned = {fault.rule for fault in plan_faults(GateConfig())}
    assert planned == {*GateConfig.rules(), "quarantine"}


@pytest.mark.no_cover
def test_every_fault_is_caught_in_real_digits(keeper: GateKeeper, tmp_path: Path) -> None:
    """The untouched sample passes, all rules trip, and the data is as it was."""
    root = write_digits(tmp_path / "digits")
    before = {file: hashlib.sha256(file.read_bytes()).digest() for file in root.rglob("*.png")}
    results = run_drill(keeper.config(root))
    assert results[0].rule == "(untouched sample)"
    assert [result for result in results if not result.as_expected] == []
    resting = {result.detail for result in results if result.result == "not active"}
    assert resting == {"images are not embedded"}
    assert {result.result for result in results} == {"passed", "tripped", "not active"}
    require_all_as_expected(results)
    after = {file: hashlib.sha256(file.read_bytes()).digest() for file in root.rglob("*.png")}
    assert after == before


@pytest.fixture
def few_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant a few faults only, which is quicker."""
    rules = ("decodes", "sizes", "modes", "bit_depth", "leakage", "class_balance")
    monkeypatch.setattr(
        "tasks.drill.rehearsal.plan_faults",
        lambda gate: [fault for fault in plan_faults(gate) if fault.rule in rules],
    )


@pytest.mark.usefixtures("few_faults")
def test_photographs_of_any_size_are_drilled_too(keeper: GateKeeper, tmp_path: Path) -> None:
    """JPEG files in colour; rules that are not active say why, and a bad file is left aside."""
    random = np.random.default_rng(0)
    for number in range(60):
        folder = tmp_path / "photos" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        small = random.integers(0, 255, (6, 6, 3), dtype=np.uint8)
        side = 60 + number
        Image.fromarray(small).resize((side, 64)).save(folder / f"{number}.jpg", quality=90)
    (tmp_path / "photos/a/bad.jpg").write_bytes(b"x")
    config = keeper.config(
        tmp_path / "photos",
        sizes={"allowed": "any"},
        modes={"allowed": "any"},
        bit_depth={"max_bits": 16},
        class_balance={"max_ratio": 50},
    )
    results = run_drill(config)
    assert all(result.as_expected for result in results), results
    told = {result.rule: result.detail for result in results if result.result == "not active"}
    assert told == {
        "sizes": "gate.sizes.allowed is any, without bounds",
        "modes": "gate.modes.allowed is any",
        "bit_depth": "gate.bit_depth.max_bits is 16",
        "class_balance": "gate.class_balance.max_ratio allows more than the 18.0 that a sample"
        " can show",
    }


def test_what_photographs_show_is_drilled_too(
    keeper: GateKeeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chart among them, cropped copies in test, and all of them on their side."""
    faults = [fault for fault in plan_faults(GateConfig()) if fault.needs_embeddings]
    monkeypatch.setattr("tasks.drill.rehearsal.plan_faults", lambda _: faults)
    root = write_scenes(tmp_path / "photos", {"discs": 80, "bars": 80})
    results = run_drill(keeper.config(root, outliers={"far": 6}))
    assert [result for result in results if not result.as_expected] == []
    assert {result.rule for result in results if result.result == "tripped"} == {
        "drift_embedding",
        "near_leakage",
        "outliers",
    }


@pytest.mark.usefixtures("few_faults")
def test_a_hole_in_the_gate_is_found(
    keeper: GateKeeper, image_tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that catches nothing any more is missed, and the drill fails by name."""
    monkeypatch.setattr(
        "tasks.validation.derived_columns._elsewhere", lambda rows, _: rows["path"].iloc[:0]
    )
    config = keeper.config(image_tree({"cat": 60, "dog": 60}))
    results = run_drill(config)
    assert [result.rule for result in results if not result.as_expected] == ["leakage"]
    kept = last_drill(config.paths)
    assert kept is not None
    assert kept.problem == "leakage missed a training image in test"
    with pytest.raises(DrillFailedError, match="leakage missed a training image in test"):
        require_all_as_expected(results)


def test_a_rejected_sample_fails_the_drill() -> None:
    """A gate that says no to everything is no good either."""
    rejected = DrillResult(
        rule=UNTOUCHED,
        planted="nothing",
        result=DrillStatus.REJECTED,
        as_expected=False,
        detail="sizes: 3 of 80 files",
        seconds=0.0,
    )
    with pytest.raises(DrillFailedError, match=r"the untouched sample was rejected \(sizes: 3 of"):
        require_all_as_expected([rejected])


def test_too_little_data_is_explained(keeper: GateKeeper, image_tree: Tree) -> None:
    """The classes are counted in the message."""
    with pytest.raises(UsageError, match="Found: cat 40, dog 4"):
        run_drill(keeper.config(image_tree({"cat": 40, "dog": 4})))


def test_the_work_folder_is_put_back(keeper: GateKeeper, image_tree: Tree, tmp_path: Path) -> None:
    """Whatever a fault did, the next one begins with the untouched sample."""
    root = image_tree({"cat": 40, "dog": 40})
    sample = take_sample(
        keeper.inventory(root), root, tmp_path / "scratch", without=["cat/001.png"]
    )
    assert len(sample.files) == 78
    assert "cat/001.png" not in set(sample.files["source"])

    def state() -> dict[str, bytes]:
        files = (file for file in sample.work.rglob("*") if file.is_file())
        return {str(file): file.read_bytes() for file in files}

    before = state()
    for fault in plan_faults(GateConfig()):
        fault.plant(sample)
        sample.restore()
        assert state() == before, fault.description

"""What an operator can say: overrule a verdict, move baselines, clear files, ask for settings."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.config.schema import RetrainConfig
from tasks.errors import DataRejectedError, UsageError
from tasks.inventory.run_inventory import record_inventory
from tasks.inventory.scan import take_inventory
from tasks.orchestration.gate_run import accept_data, judge_data
from tasks.outcome import Outcome
from tasks.registry.decision_ledger import read_ledger
from tasks.runs.provenance import provenance
from tasks.runs.run_folder import open_run
from tasks.runtime.whoami import who_am_i
from tasks.storage.checked import write_checked_json
from tasks.storage.home import Home
from tasks.validation.baseline import list_baselines
from tasks.validation.overrides import list_overrides
from tasks.validation.quarantine import clear_quarantine, list_quarantine
from tasks.validation.suggest import suggest_settings
from tasks.validation.validate import validate_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command
    from tests.gate_keeper import GateKeeper
    from tests.image_trees import Tree

KEEP_BLANKS: dict[str, Any] = {"not_blank": {"quarantine": True}, "quarantine": {"max_share": 0.5}}


def add_blank(root: Path, name: str = "cat/blank.png") -> str:
    """Put an image of one colour."""
    Image.new("L", (16, 16), 90).save(root / name)
    return name


def test_an_override_lets_just_this_data_pass(keeper: GateKeeper, image_tree: Tree) -> None:
    """Who, when and why stand in the verdict, the summary, the report and the model's tags."""
    root = image_tree({"cat": 60, "dog": 60})
    add_blank(root)
    config = keeper.config(root)
    rejected, summary = judge_data(config)
    assert (rejected.accepted, summary.exit_code) == (False, 3)
    verdict, summary = judge_data(config, accept_with_reason="the lens test is meant")
    assert verdict.accepted
    assert (summary.outcome, summary.exit_code) == (Outcome.ACCEPTED, 0)
    assert summary.override is not None
    assert summary.override["why"] == "the lens test is meant"
    assert "@" in summary.override["who"]
    assert "overruled (not_blank)" in verdict.headline
    page = summary.report.read_text("utf-8")
    assert "The data gate was overruled" in page
    assert "the lens test is meant" in page
    again, _ = judge_data(config)
    assert again.override == verdict.override
    run = open_run(config)
    record_inventory(run, keeper.inventory(root))
    (run.directory / "validation").mkdir()
    (run.directory / "validation/verdict.json").write_text(again.model_dump_json())
    (run.directory / "facts.json").write_text(
        json.dumps({"recipe": "r", "data_fingerprint": again.data_fingerprint})
    )
    assert provenance(run)["pixelgate.override.why"] == "the lens test is meant"
    (root / "dog/bad.png").write_bytes(b"x")
    assert not judge_data(config)[0].accepted
    (root / "dog/bad.png").unlink()
    assert judge_data(config)[0].accepted
    add_blank(root, "dog/another.png")
    other, _ = judge_data(config)
    assert not other.accepted
    assert len(list_overrides(config.paths)) == 1


def test_an_override_needs_a_reason_and_a_rejection(keeper: GateKeeper, image_tree: Tree) -> None:
    """A blank reason is refused; data that passes by itself is not overruled."""
    config = keeper.config(image_tree())
    with pytest.raises(UsageError, match="needs a reason"):
        judge_data(config, accept_with_reason="  ")
    verdict, _ = judge_data(config, accept_with_reason="just in case")
    assert verdict.override is None
    assert list_overrides(config.paths) == []


def test_another_rule_is_not_covered_by_an_override(keeper: GateKeeper, image_tree: Tree) -> None:
    """The same data, rejected for something else too, stays rejected."""
    root = image_tree({"cat": 60, "dog": 60})
    add_blank(root)
    judge_data(keeper.config(root), accept_with_reason="meant")
    assert not judge_data(keeper.config(root, class_size={"min_files": 100}))[0].accepted


def test_an_operator_can_move_the_baseline(keeper: GateKeeper, image_tree: Tree) -> None:
    """Drift is no obstacle to it, broken files are."""
    root = image_tree({"cat": 100, "dog": 100})
    keeper.accept(root)
    for number in range(40):
        (root / f"cat/{number:03d}.png").unlink()
        (root / f"dog/{number:03d}.png").unlink()
    config = keeper.config(root)
    assert not judge_data(config)[0].accepted
    assert list_baselines(config.paths)[0].record["files"] == 200
    accepted = accept_data(config, reason="half was sold")
    assert accepted.record["files"] == 120
    assert accepted.record["accepted_by"] == "operator"
    assert judge_data(config)[0].accepted
    (root / "cat/bad.png").write_bytes(b"x")
    with pytest.raises(DataRejectedError, match=r"(?s)before it is fixed.*cat/bad\.png"):
        accept_data(config, reason="no")


def test_quarantine_is_listed_cleared_and_forgotten(keeper: GateKeeper, image_tree: Tree) -> None:
    """A cleared file is back in the next run; a mended one too; another content is judged anew."""
    root = image_tree({"cat": 60, "dog": 60})
    first, second = add_blank(root), add_blank(root, "dog/blank.png")
    config = keeper.config(root, **KEEP_BLANKS)
    assert keeper.judge(root, **KEEP_BLANKS).quarantined == 2
    listed = list_quarantine(config.paths)
    assert [(row["path"], row["rules"]) for row in listed] == [
        (first, "not_blank"),
        (second, "not_blank"),
    ]
    since = listed[0]["since"]
    keeper.judge(root, **KEEP_BLANKS)
    assert list_quarantine(config.paths)[0]["since"] == since
    (root / second).unlink()
    assert clear_quarantine(config.paths, [first]) == [first]
    verdict = keeper.judge(root, **KEEP_BLANKS)
    assert verdict.quarantined == 0
    assert not verdict.failures
    assert list_quarantine(config.paths) == []
    Image.new("L", (16, 16), 91).save(root / first)
    assert keeper.judge(root, **KEEP_BLANKS).quarantined == 1


def test_what_cannot_be_cleared_is_explained(keeper: GateKeeper, image_tree: Tree) -> None:
    """A file that can't be read, and one that is not there."""
    root = image_tree({"cat": 60, "dog": 60})
    (root / "cat/bad.png").write_bytes(b"x")
    gate: dict[str, Any] = {"decodes": {"quarantine": True}}
    keeper.judge(root, **gate)
    config = keeper.config(root, **gate)
    with pytest.raises(UsageError, match=r"cat/bad\.png can't be read"):
        clear_quarantine(config.paths, ["cat/bad.png"])
    with pytest.raises(UsageError, match="is not in quarantine"):
        clear_quarantine(config.paths, ["cat/000.png"])
    assert clear_quarantine(config.paths, []) == []


@pytest.mark.parametrize("kind", ["odd", "uniform"])
def test_suggested_settings_pass_on_the_data(
    keeper: GateKeeper, image_tree: Tree, kind: str
) -> None:
    """They are a file that loads, with a comment at each setting, and this data passes with it."""
    root = image_tree({"cat": 60, "dog": 14})
    if kind == "odd":
        random = np.random.default_rng(0)
        for number in range(12):
            pixels = random.integers(0, 255, (20 + number, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / f"dog/odd{number}.png")
        (root / "cat/bad.png").write_bytes(b"x")
        add_blank(root)
    text = suggest_settings(keeper.inventory(root), name="proposed")
    proposed = tomllib.loads(text)
    assert proposed["training"] == {"model": "fast_cnn"}
    assert proposed["generators"]["color_mode"] == ("grayscale" if kind == "uniform" else "rgb")
    config = RetrainConfig.model_validate(proposed)
    settings = [line for line in text.splitlines() if " = " in line and not line.startswith("name")]
    assert all("#" in line for line in settings)
    assert config.gate.known_classes.classes == ["cat", "dog"]
    verdict = keeper.judge(root, **proposed["gate"], quarantine={"max_share": 0.1})
    assert verdict.accepted, verdict.details
    assert not [finding for finding in verdict.failures if not finding.quarantined]


def test_suggested_settings_fit_photographs_with_given_splits(
    keeper: GateKeeper, tmp_path: Path
) -> None:
    """Sizes that differ, few test images, classes of other sizes in each split, and siblings."""
    root, random = tmp_path / "photos", np.random.default_rng(0)
    for folder, count in {"train/a": 44, "train/b": 5, "test/a": 9, "test/b": 1}.items():
        (root / folder).mkdir(parents=True)
        for number in range(count):
            small = random.integers(0, 255, (6, 8, 3), dtype=np.uint8)
            image = Image.fromarray(small).resize((140 + 3 * number, 110 + 2 * number))
            image.save(root / folder / f"{folder[:2]}{number}.jpg")
            if folder == "train/a" and number < 5:
                image.rotate(5).save(root / folder / f"{folder[:2]}{number}_rot5.jpg")
    rejected = keeper.judge(root)
    assert "pixelgate gate DIR --suggest > retrain.toml" in rejected.details
    config = keeper.config(root)
    proposed = tomllib.loads(suggest_settings(keeper.inventory(root), name="x", config=config))
    assert proposed["generators"] == {
        "target_size": [96, 96],
        "color_mode": "rgb",
        "horizontal_flip": True,
    }
    assert proposed["gate"]["sizes"]["allowed"] == "auto"
    assert proposed["data"]["group_pattern"] == r"^(?P<group>.+?)(?:_rot\d+)?\.\w+$"
    fitted = RetrainConfig.model_validate(proposed | {"home": keeper.home})
    data = fitted.data.model_copy(update={"directory": root})
    verdict = validate_inventory(
        take_inventory(data, seed=42), fitted.gate, directory=tmp_path / "judged", data_docs=False
    )
    assert verdict.accepted, verdict.details


def test_the_report_shows_what_was_found(keeper: GateKeeper, image_tree: Tree) -> None:
    """A thumbnail a file, by rule; what can't be shown is named all the same."""
    root = image_tree({"cat": 60, "dog": 60})
    name = add_blank(root)
    (root / "dog/bad.png").write_bytes(b"x")
    Image.effect_noise((3000, 2000), 40).save(root / "dog/large.jpg")
    _, summary = judge_data(keeper.config(root))
    page = summary.report.read_text("utf-8")
    section = page.split("Files the data gate found")[1]
    for rule, path in (("not_blank", name), ("decodes", "dog/bad.png"), ("sizes", "dog/large.jpg")):
        assert f"{rule}: 1 files" in section
        assert path in section
    assert section.count("data:image/png;base64,") == 2
    assert section.count("can't be shown") == 1
    assert len(page) < 200_000
    # The same images as files, for the desk.
    gallery = json.loads((summary.directory / "gallery.json").read_text("utf-8"))
    shown = {
        item["path"]: item["thumbnail"] for each in gallery["sections"] for item in each["items"]
    }
    assert shown["dog/bad.png"] is None
    for path in (name, "dog/large.jpg"):
        with Image.open(summary.directory / shown[path]) as thumbnail:
            assert max(thumbnail.size) == 96


def test_groups_stand_in_the_evidence(keeper: GateKeeper, image_tree: Tree) -> None:
    """groups.parquet lists every file that is like another, with its split."""
    root = image_tree()
    (root / "cat/copy.png").write_bytes((root / "cat/003.png").read_bytes())
    verdict = keeper.judge(root)
    groups = pd.read_parquet(verdict.offenders.with_name("groups.parquet"))
    assert groups["path"].tolist() == ["cat/003.png", "cat/copy.png"]
    assert set(groups["group"]) == {"cat/003.png"}
    assert len(set(groups["split"])) == 1


def test_files_cleared_on_the_command_line_are_in_the_ledger(
    pixelgate: Command, tmp_path: Path
) -> None:
    """With the user, the reason and the paths, as those that the desk clears."""
    home = Home("pixelgate", tmp_path / "home")
    row = {"readable": True, "rules": "not_blank", "since": "2026-11-01T00:00:00+00:00"}
    files = [{"path": f"cat/{name}", "content": name, **row} for name in ("1", "2")]
    write_checked_json(home.quarantine, {"files": files, "cleared": []})
    ended = pixelgate("quarantine", "clear", "cat/2", "--reason", "meant")
    assert ended.code == 0, ended.err
    ended = pixelgate("quarantine", "clear", "--all")
    assert (ended.code, "1 files cleared" in ended.err) == (0, True)
    first, second = read_ledger(home.ledger())
    assert (first.action, first.who, first.why) == ("clear_quarantine", who_am_i(), "meant")
    assert first.evidence == {"files": 1, "paths": ["cat/2"]}
    assert (second.why, second.evidence["paths"]) == ("cleared on the command line", ["cat/1"])

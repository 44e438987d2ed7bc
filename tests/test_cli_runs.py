"""Whole retrainings on the command line: how they end, what they leave, what comes after."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.config.schema import RetrainConfig
from tasks.runs.run_lock import run_lock
from tests.command_line import NOISE
from tests.home_paths import files_that_name
from tests.image_trees import state_of

if TYPE_CHECKING:
    from tests.command_line import Command, CommandProcess, Ended
    from tests.image_trees import Tree

SETTINGS = ("training.epochs=6", "generators.batch_size=16", "exports.onnx=true")
QUICK = tuple(word for setting in SETTINGS for word in ("--set", setting))
EVIDENCE = (
    "inventory.parquet",
    "validation/verdict.json",
    "previews/samples.png",
    "previews/augmented.png",
    "previews/sizes.png",
    "previews/classes.png",
    "model/model.keras",
    "model/history.csv",
    "evaluation/confusion.png",
    "report.html",
    "model_card.md",
    "model_card.html",
)


def check_first_champion(first: Ended, root: Path, before: dict[str, str]) -> None:
    """The summary is whole, the evidence is there, and the user's folder is as it was."""
    assert first.code == 0, first.err
    assert not any(noise in first.err for noise in NOISE)
    summary = first.json
    assert (summary["outcome"], summary["model_version"]) == ("promoted", "1")
    assert summary["classes"] == ["cat", "dog", "owl"]
    assert (summary["images"], summary["quarantined"]) == (210, 0)
    assert summary["metrics"]["accuracy"] > 0.9
    assert {"macro_f1", "macro_precision", "macro_recall"} <= set(summary["metrics"])
    assert summary["champion_metrics"] is None
    assert {"expectation", "severity", "success", "observed"} <= set(summary["gate"][0])
    stages = "inventory, validate, skip if unchanged, generators, train, evaluate, register"
    assert [stage["name"] for stage in summary["stages"]] == stages.split(", ")
    assert state_of(root) == before
    folder = Path(summary["directory"])
    written = json.loads((folder / "summary.json").read_text())
    # Relative to home in the file, so that a home can be moved.
    for name in ("directory", "report"):
        assert folder.parents[1] / written.pop(name) == Path(summary[name])
    assert written.items() <= summary.items()
    assert [name for name in EVIDENCE if not (folder / name).exists()] == []
    page = (folder / "report.html").read_text("utf-8")
    assert 'src="http' not in page
    assert page.count("data:image/png;base64,") >= 6


def check_what_comes_after(
    pixelgate: Command, root: Path, image_tree: Tree, own_module: str
) -> None:
    """Unchanged data trains nothing; a weaker model is not promoted, and the champion predicts."""
    again = pixelgate("run", "--data", root, *QUICK, "--json", flow=True)
    assert again.code == 0
    assert (again.json["outcome"], again.json["model_version"]) == ("unchanged", "1")
    assert "train" not in [stage["name"] for stage in again.json["stages"]]

    image_tree({"cat": 1}, first=900)
    # It can tell cats from the rest, which is more than guessing and less than the champion.
    settings = ("--set", f"training.model={own_module}:half_blind")
    floor = ("--set", "registry.min_accuracy=0.4")
    weak = pixelgate("run", "--data", root, *QUICK, *settings, *floor, "--json", flow=True)
    assert (weak.code, weak.json["outcome"]) == (0, "kept_champion"), weak.err
    assert weak.json["champion_metrics"]["accuracy"] > weak.json["metrics"]["accuracy"]
    assert weak.json["comparison"]["answer"] == "worse"
    assert pixelgate("baseline", "show", "--json").json[0]["files"] == 211

    predicted = pixelgate("predict", root / "owl", root / "cat/000.png", root / "gone.png")
    rows = list(csv.DictReader(io.StringIO(predicted.out)))
    assert (len(rows), rows[-1]["error"]) == (72, "No such image or folder")
    assert predicted.code == 5
    assert "1 of 72 files can't be read" in predicted.err
    assert "TensorFlow" not in predicted.err
    card = pixelgate("card", "champion").out
    assert f"value: {again.json['metrics']['accuracy']}" in card
    assert "**Decision: promoted.**" in card
    assert sum(row["predicted"] == "owl" for row in rows) > 60
    lines = pixelgate("predict", root / "cat/000.png", "--format", "jsonl").out.splitlines()
    assert json.loads(lines[0])["path"] == str(root / "cat/000.png")


def check_bad_data(pixelgate: Command, root: Path, image_tree: Tree, received: Path) -> None:
    """A class the champion doesn't know and a bad file train nothing; quarantine lets it pass."""
    image_tree({"eel": 40}, first=950)
    unknown = pixelgate("gate", root)
    assert unknown.code == 3
    assert "eel/950.png: eel" in unknown.err
    shutil.rmtree(root / "eel")

    (root / "dog/003.png").write_bytes((root / "dog/003.png").read_bytes()[:90])
    script = f"import sys; open('{received}', 'w').write(sys.stdin.read())"
    hook = f'{sys.executable} -c "{script}"'
    bad = pixelgate(
        "run", "--data", root, *QUICK, "--set", f"notify.on_outcome={hook}", "--json", flow=True
    )
    assert (bad.code, bad.json["outcome"]) == (3, "data_rejected")
    assert "dog/003.png" in bad.err
    assert "Traceback" not in bad.err
    assert [stage["name"] for stage in bad.json["stages"]] == ["inventory", "validate"]
    assert bad.json["model_version"] is None
    assert json.loads(received.read_text()) == bad.json
    assert not (Path(bad.json["directory"]) / "model").exists()

    leave_out = ("--set", "gate.decodes.quarantine=true")
    part = pixelgate("run", "--data", root, *QUICK, *leave_out, "--json", flow=True)
    # As good as the champion, on too few test images to tell.
    assert part.json["outcome"] == "kept_champion", part.err
    assert part.json["comparison"]["answer"] == "cannot_tell"
    assert "more test images would decide" in part.err
    assert "Against the champion: cannot tell" in Path(part.json["report"]).read_text("utf-8")
    assert (part.json["images"], part.json["quarantined"]) == (211, 1)


def check_progress(folder: Path) -> None:
    """Stages and epochs stand in progress.jsonl, in their order, and Prefect's run in the facts."""
    lines = map(json.loads, (folder / "progress.jsonl").read_text("utf-8").splitlines())
    events = [
        f"epoch {line['epoch']}" if "epoch" in line else f"{line['stage']} {line['state']}"
        for line in lines
    ]
    assert events[:2] == ["inventory begun", "inventory ended"]
    assert events.index("train begun") < events.index("epoch 1") < events.index("train ended")
    assert events[-1] == "register ended"
    assert json.loads((folder / "facts.json").read_text("utf-8"))["prefect_flow_run"]


def test_a_first_champion_and_what_comes_after(
    pixelgate: Command, image_tree: Tree, own_module: str, tmp_path: Path
) -> None:
    """One home from its first model on, until bad data comes; `pixelgate runs` lists it all."""
    root = image_tree({"cat": 70, "dog": 70, "owl": 70})
    before = state_of(root)
    first = pixelgate("run", "--data", root, *QUICK, "--json", flow=True)
    check_first_champion(first, root, before)
    check_progress(Path(first.json["directory"]))
    check_what_comes_after(pixelgate, root, image_tree, own_module)
    check_bad_data(pixelgate, root, image_tree, tmp_path / "received.json")
    outcomes = [run["outcome"] for run in pixelgate("runs", "--json").json]
    assert outcomes == [
        "kept_champion",
        "data_rejected",
        "data_rejected",
        "kept_champion",
        "unchanged",
        "promoted",
    ]
    assert "data_rejected" in pixelgate("runs").out
    assert files_that_name(tmp_path / "home") == []


def test_a_model_below_the_floor_is_exit_4(pixelgate: Command, image_tree: Tree) -> None:
    """The model gate says no, and says which rule; the data becomes no baseline."""
    ended = pixelgate(
        *("run", "--data", image_tree(), "--set", "training.epochs=1", "--json"),
        *("--set", "training.learning_rate=1e-9", "--set", "registry.min_accuracy=0.95"),
        flow=True,
    )
    assert ended.code == 4, ended.err
    assert ended.json["outcome"] == "model_rejected"
    assert "floor" in ended.err
    assert "Traceback" not in ended.err
    assert pixelgate("baseline", "show", "--json").json == []


def test_two_retrainings_of_a_model_do_not_run_side_by_side(
    pixelgate: Command, image_tree: Tree, tmp_path: Path
) -> None:
    """The second one ends with a message that one is running, and leaves nothing behind."""
    with run_lock(RetrainConfig(home=tmp_path / "home").paths):
        ended = pixelgate("run", "--data", image_tree(), flow=True)
    assert ended.code == 1
    assert "Another retraining of the model pixelgate is running" in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "home/runs").exists()


def test_a_run_without_a_server_starts_its_own(
    pixelgate_process: CommandProcess, image_tree: Tree, tmp_path: Path
) -> None:
    """The embedded default: no server is named, none is left running, no noise is seen."""
    root = image_tree({"cat": 40, "dog": 4})
    home = {"PREFECT_HOME": str(tmp_path / "prefect")}
    ended = pixelgate_process("run", "--data", root, env=home)
    assert ended.code == 3
    assert "class dog: 4 images" in ended.err
    assert not any(noise in ended.err for noise in NOISE)
    assert (tmp_path / "prefect/prefect.db").exists()


def test_an_unforeseen_fault_is_one_line_and_its_traceback_is_in_the_log(
    pixelgate: Command, image_tree: Tree, tmp_path: Path
) -> None:
    """Exit 1; the log file has what a developer needs, and the run is not lost from the list."""
    (tmp_path / "home/state").mkdir(parents=True)
    # A file where a folder has to be: no way to make room for what every run writes.
    (tmp_path / "home/state/inventory").write_text("not a folder")
    ended = pixelgate("run", "--data", image_tree(), flow=True)
    assert ended.code == 1
    assert "Traceback (most" not in ended.err
    assert "home/logs/pixelgate.log" in ended.err
    assert "Traceback (most" in (tmp_path / "home/logs/pixelgate.log").read_text("utf-8")
    assert pixelgate("runs", "--json").json[0]["outcome"] == "failed"


def test_the_demo_ends_in_a_promoted_model(
    pixelgate_process: CommandProcess, tmp_path: Path
) -> None:
    """1,797 real digits, above 97% on the test split, and the commands to try next."""
    ended = pixelgate_process("demo", "--json", flow=True, measured=False)
    assert ended.code == 0, ended.err
    assert not any(noise in ended.err for noise in NOISE)
    assert ended.json["outcome"] == "promoted"
    assert ended.json["metrics"]["accuracy"] > 0.97
    assert ended.json["images"] == 1797
    assert "Try next:" in ended.err
    assert Path(ended.json["report"]).is_relative_to(tmp_path)
    # Its data is inside its home, and named relative to it all the same.
    assert files_that_name(tmp_path / "home") == []

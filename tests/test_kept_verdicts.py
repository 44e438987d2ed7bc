"""A verdict on the same data by the same rules is kept, and believed only as long as it holds."""

from __future__ import annotations

import dataclasses
import logging
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from PIL import Image

from tasks.inventory.scan import inventory_of
from tasks.orchestration.gate_run import accept_data, judge_data
from tasks.runs.run_folder import open_run
from tasks.runtime import reader_process
from tasks.validation.context import gather_context
from tasks.validation.data_gate import judge_inventory
from tasks.validation.evidence import OFFENDERS_FILE
from tasks.validation.kept_verdicts import reuse_verdict, verdict_key
from tasks.validation.quarantine import clear_quarantine
from tests.image_trees import ROOT, draw_image
from tests.processes import children_running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.config.schema import RetrainConfig
    from tests.gate_keeper import GateKeeper
    from tests.image_trees import Tree

STANDS = "judged before by the same rules"
GATE_WITHOUT_GX = """
import sys
from flows.cli.main import main
sys.argv[1:1] = ["gate"]
try:
    main()
except SystemExit as ended:
    assert ended.code == 0, ended.code
print([name for name in ("great_expectations", "sklearn", "tensorflow") if name in sys.modules])
"""


@pytest.fixture
def images(keeper: GateKeeper, image_tree: Tree) -> tuple[Path, RetrainConfig]:
    """Return images and the settings that judge them."""
    root = image_tree({"cat": 60, "dog": 60})
    return root, keeper.config(root)


def stands(config: RetrainConfig, caplog: pytest.LogCaptureFixture) -> bool:
    """Judge the data, and tell whether that took the kept verdict."""
    caplog.clear()
    with caplog.at_level(logging.INFO, "pixelgate"):
        judge_data(config)
    return STANDS in caplog.text


RULES_IMPORTED = """
import sys
import threading
from pathlib import Path
from tasks.config.schema import RetrainConfig
from tasks.inventory.scan import inventory_of
from tasks.validation.rules_import import RulesImport

config = RetrainConfig(home=sys.argv[1], data={"directory": sys.argv[2]})
inventory_of(config, eager_decoder=RulesImport())
for thread in threading.enumerate():
    if thread.name == "rules":
        thread.join()
print("tasks.validation.expectation_findings" in sys.modules)
"""


def test_the_rules_are_imported_while_new_files_are_read(image_tree: Tree, tmp_path: Path) -> None:
    """And not where the inventory reads none, as a kept verdict may stand then."""
    root = image_tree({"cat": 20, "dog": 20})
    command = [sys.executable, "-c", RULES_IMPORTED, str(tmp_path / "home"), str(root)]
    found = [
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert found == ["True\n", "False\n"]


def test_where_a_verdict_stands_no_process_waits_for_files(
    images: tuple[Path, RetrainConfig], caplog: pytest.LogCaptureFixture
) -> None:
    """It was started early, and would hold memory."""
    _, config = images
    judge_data(config)
    reader_process.end_idle()
    others = set(children_running(b"LokyProcess"))
    reader_process.start_early("tasks.inventory.arrow_batches")
    assert len(set(children_running(b"LokyProcess")) - others) == 1
    assert stands(config, caplog)
    assert set(children_running(b"LokyProcess")) <= others


def test_the_same_data_is_not_judged_again(
    images: tuple[Path, RetrainConfig], caplog: pytest.LogCaptureFixture
) -> None:
    """Each run has all the evidence, with Data Docs of its own."""
    _, config = images
    first, _ = judge_data(config)
    with caplog.at_level(logging.INFO, "pixelgate"):
        again, summary = judge_data(config)
    assert STANDS in caplog.text
    assert again.findings == first.findings
    assert again.data_docs != first.data_docs
    assert again.data_docs.read_text("utf-8") == first.data_docs.read_text("utf-8")
    assert pd.read_parquet(again.offenders).equals(pd.read_parquet(first.offenders))
    names = [
        {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
        for folder in (first.offenders.parent, again.offenders.parent)
    ]
    assert names[0] == names[1]
    assert summary.exit_code == 0


def _change_an_image(root: Path, _config: RetrainConfig) -> None:
    draw_image(0, 999, size=(16, 16), mode="L").save(root / "cat/000.png")


def _rename_an_image(root: Path, _config: RetrainConfig) -> None:
    (root / "cat/000.png").rename(root / "cat/renamed.png")


def _add_a_damaged_file(root: Path, _config: RetrainConfig) -> None:
    (root / "cat/torn.png").write_bytes(b"\x89PNG")


def _add_an_empty_class(root: Path, _config: RetrainConfig) -> None:
    (root / "elk").mkdir()


def _accept(_root: Path, config: RetrainConfig) -> None:
    accept_data(config, reason="a test")


@pytest.mark.parametrize(
    "change",
    [_change_an_image, _rename_an_image, _add_a_damaged_file, _add_an_empty_class, _accept],
)
def test_whatever_a_verdict_depends_on_is_judged_anew(
    change: Callable[[Path, RetrainConfig], None],
    images: tuple[Path, RetrainConfig],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Files, names, folders and the accepted data."""
    root, config = images
    judge_data(config)
    change(root, config)
    assert not stands(config, caplog)
    assert stands(config, caplog)


@pytest.mark.parametrize(
    "rules", [{"class_size": {"min_files": 30}}, {"not_blank": {"severity": "info"}}]
)
def test_other_settings_judge_anew(
    rules: dict[str, Any],
    images: tuple[Path, RetrainConfig],
    keeper: GateKeeper,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A threshold or a severity, and not only for the rules that fail."""
    root, config = images
    judge_data(config)
    assert not stands(keeper.config(root, **rules), caplog)
    assert stands(config, caplog)


def test_a_kept_verdict_that_was_changed_is_not_believed(
    images: tuple[Path, RetrainConfig], caplog: pytest.LogCaptureFixture
) -> None:
    """It is set aside with a warning that names it, and made again."""
    _, config = images
    judge_data(config)
    (kept,) = config.paths.judged.glob("[0-9a-f]*")
    (kept / OFFENDERS_FILE).write_bytes(b"nothing")
    assert not stands(config, caplog)
    assert OFFENDERS_FILE in caplog.text
    assert stands(config, caplog)


def test_a_cleared_file_is_judged_anew(
    images: tuple[Path, RetrainConfig], keeper: GateKeeper, caplog: pytest.LogCaptureFixture
) -> None:
    """What an operator cleared no longer counts."""
    root, _ = images
    Image.new("L", (16, 16), 90).save(root / "cat/blank.png")
    config = keeper.config(root, not_blank={"quarantine": True}, quarantine={"max_share": 0.5})
    judge_data(config)
    clear_quarantine(config.paths, ["cat/blank.png"])
    assert not stands(config, caplog)


def test_time_changes_a_verdict(images: tuple[Path, RetrainConfig], keeper: GateKeeper) -> None:
    """The days since the last new image go on, and the rule fails when they are too many."""
    root, config = images
    accept_data(config, reason="a test")
    assert judge_data(config)[0].accepted
    inventory = keeper.inventory(root)
    context = gather_context(config.paths, champion_classes=None)
    # As the gate finds it for images of 16 x 16 pixels.
    context = dataclasses.replace(context, input_side=16)
    key = verdict_key(inventory, config.gate, context)

    def after(days: float, folder: str) -> float | None:
        later = dataclasses.replace(context, now=context.now + timedelta(days=days))
        kept = reuse_verdict(
            config.paths, key, inventory, config.gate, later, directory=root.parent / folder
        )
        return None if kept is None else kept.observed["staleness"]

    assert after(3, "soon") == pytest.approx(3, abs=0.1)
    assert after(400, "late") is None
    assert not (root.parent / "late").exists()


def test_the_same_data_needs_no_great_expectations(images: tuple[Path, RetrainConfig]) -> None:
    """Its import takes longer than everything else of such a gate."""
    root, config = images
    home = str(config.paths.root)
    printed = [
        subprocess.run(
            [sys.executable, "-c", GATE_WITHOUT_GX, str(root), "--home", home],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()[-1]
        for _ in range(2)
    ]
    assert "great_expectations" in printed[0]
    assert printed[1] == "[]"


def test_only_data_that_was_not_accepted_last_is_news(
    images: tuple[Path, RetrainConfig],
) -> None:
    """A process that trains would be started in vain for what is judged against itself."""
    root, config = images
    heard: list[str] = []

    def hear(what: str) -> None:
        judge_inventory(
            open_run(config),
            inventory_of(config),
            champion_classes=None,
            on_news=lambda: heard.append(what),
        )

    hear("first")
    accept_data(config, reason="first")
    hear("accepted, and judged against itself")
    draw_image(0, 4_242, size=(16, 16), mode="L").save(root / "cat/new.png")
    hear("one more")
    hear("the same again")
    assert heard == ["first", "one more"]

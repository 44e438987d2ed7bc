"""The list of runs, and how a run is concluded when a part of that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.config.schema import RetrainConfig
from tasks.errors import DamagedFileError
from tasks.monitoring.run_list import list_runs
from tasks.orchestration.run_scope import RunScope
from tasks.outcome import Outcome
from tasks.reporting.page import write_report
from tasks.runs.run_folder import REGISTRATION, SUMMARY, open_run
from tasks.runs.summary import read_summary, write_summary
from tasks.storage.atomic import write_json
from tasks.storage.home import Home
from tests.home_paths import files_that_name

if TYPE_CHECKING:
    from pathlib import Path


def ended_run(config: RetrainConfig, message: str) -> str:
    """Leave a run with a summary; return its id."""
    run = open_run(config)
    write_summary(run, outcome=Outcome.PROMOTED, message=message, exit_code=0)
    return run.id


@pytest.mark.parametrize("torn", ["", "{", "[]", '{"run_id": 1}', "null"])
def test_a_torn_summary_hides_no_other_run(tmp_path: Path, torn: str) -> None:
    """The run is listed with the file and the reason."""
    config = RetrainConfig(home=tmp_path)
    ended_run(config, "first")
    second = ended_run(config, "second")
    ended_run(config, "third")
    file = config.paths.runs / second / SUMMARY
    file.write_text(torn)
    messages = [summary.message for summary in list_runs(config.paths)]
    assert (messages[0], messages[2]) == ("third", "first")
    assert str(file) in messages[1]
    with pytest.raises(DamagedFileError, match=r"summary\.json is damaged"):
        read_summary(config.paths, second)


def test_runs_are_listed_by_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the clock said when they began."""
    config = RetrainConfig(home=tmp_path)
    for moment in ("20260103-000000", "20260101-000000", "20260102-000000"):
        monkeypatch.setattr("tasks.runs.run_folder.MOMENT", moment)
        open_run(config)
    listed = [summary.run_id[:8] for summary in list_runs(config.paths)]
    assert listed == ["20260102", "20260101", "20260103"]


def test_a_summary_moves_with_its_home(tmp_path: Path) -> None:
    """Its paths are those of the home it is read from."""
    config = RetrainConfig(home=tmp_path / "home")
    run_id = ended_run(config, "done")
    config.home.rename(tmp_path / "moved")
    moved = config.model_copy(update={"home": tmp_path / "moved"})
    summary = read_summary(moved.paths, run_id)
    assert summary.directory == tmp_path / "moved/runs" / run_id
    assert str(tmp_path / "home") not in (summary.directory / SUMMARY).read_text()


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("{root}/state/x is damaged", "<home>/state/x is damaged"),
        ("can't write to {root}.", "can't write to <home>."),
        ("{root}", "<home>"),
        ("file://{root}/runs", "file://<home>/runs"),
        ("({root}/a, '{root}/b')", "(<home>/a, '<home>/b')"),
        ("{root}-2/x, {root}2 and {root}.old", None),
        ("/backup{root}/x", None),
        ("nothing of ours", None),
    ],
)
def test_files_name_their_home_without_its_path(
    tmp_path: Path, text: str, stored: str | None
) -> None:
    """Whole paths only; shown from a moved home, they are those of where it is now."""
    home = Home("m", tmp_path / "home")
    content = {"says": [text.format(root=home.root)], "count": 3, "none": None}
    expected = content if stored is None else {**content, "says": [stored]}
    assert home.stored(content) == expected
    assert home.shown(home.stored(content)) == content
    moved = Home("m", tmp_path / "moved")
    assert moved.shown({"says": ["<home>/x"]}) == {"says": [f"{moved.root}/x"]}


def test_a_message_in_a_summary_moves_with_its_home(tmp_path: Path) -> None:
    """The screen shows whole paths; the file and the report hold none."""
    config = RetrainConfig(home=tmp_path / "home")
    run = open_run(config)
    message = f"{config.home}/state/x is damaged"
    written = write_summary(run, outcome=Outcome.FAILED, message=message, exit_code=1)
    write_report(run, written)
    assert written.message == read_summary(config.paths, run.id).message == message
    assert files_that_name(config.home) == []
    config.home.rename(tmp_path / "moved")
    moved = Home(config.name, tmp_path / "moved")
    assert read_summary(moved, run.id).message == f"{tmp_path}/moved/state/x is damaged"


def test_a_baseline_that_fails_is_in_the_summary(tmp_path: Path) -> None:
    """The run says what it did and what it could not do, with its report."""
    config = RetrainConfig(home=tmp_path)
    with RunScope(config) as run:
        # No inventory was recorded, so none can become the baseline.
        write_json(
            run.directory / REGISTRATION,
            {"outcome": "promoted", "message": "version 1 is champion now", "version": "1"},
        )
    summary = read_summary(config.paths, run.id)
    assert summary.outcome is Outcome.FAILED
    assert summary.exit_code == 1
    assert summary.message.startswith("version 1 is champion now; but its data could not become")
    assert summary.report.exists()


def test_an_interrupted_run_says_how_to_resume(tmp_path: Path) -> None:
    """Its summary and its last line are the same sentence."""
    config = RetrainConfig(home=tmp_path)
    with pytest.raises(KeyboardInterrupt), RunScope(config) as run:
        raise KeyboardInterrupt
    assert read_summary(config.paths, run.id).message == (
        "interrupted; run the same command to resume"
    )

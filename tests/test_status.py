"""Whether production is healthy, in one sentence with one action and an exit code."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from tasks.outcome import Outcome
from tasks.runs.check import Check
from tasks.runs.run_lock import run_lock
from tasks.storage.home import Home
from tests.image_trees import write_tree
from tests.run_records import ACCURACY, write_promotion, write_run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return the home of the commands of a test."""
    return Home("pixelgate", tmp_path / "home")


def promoted(home: Home, *, number: int = 1, hours_ago: float = 30.0) -> str:
    """Write a run whose version is in production."""
    run_id = write_run(
        home, Outcome.PROMOTED, number=number, hours_ago=hours_ago, model_version="14"
    )
    write_promotion(home, "14", run_id)
    return run_id


def test_a_healthy_model_is_one_sentence(pixelgate: Command, home: Home) -> None:
    """The champion with its interval and age, and what the last run did."""
    promoted(home)
    write_run(home, Outcome.KEPT_CHAMPION, number=2, hours_ago=3, model_version="15")
    ended = pixelgate("status")
    assert ended.code == 0, ended.err
    assert ended.out == (
        "ok  pixelgate: Healthy. Champion 14, 98.9% (98.2 to 99.4), less than a minute old; the"
        " last run 3 h ago kept it.\n"
    )


def test_rejected_data_names_the_rule_and_where_to_look(pixelgate: Command, home: Home) -> None:
    """Production goes on, but somebody should look: exit code 6."""
    promoted(home)
    run_id = write_run(home, Outcome.DATA_REJECTED, number=2)
    ended = pixelgate("status")
    assert ended.code == 6
    assert "Data rejected 1 h ago: sizes: 3024x3024: 17 of 2,062 images. Champion 14" in ended.out
    assert f"Look at {home.runs / run_id / 'report.html'}" in ended.out


def test_a_rejected_model_names_the_check(pixelgate: Command, home: Home) -> None:
    """The first check that failed, with what was observed."""
    promoted(home)
    check = Check(rule="accuracy_floor", threshold="0.9", observed="0.71", success=False)
    write_run(home, Outcome.MODEL_REJECTED, number=2, model_gate=[check])
    ended = pixelgate("status")
    assert ended.code == 6
    assert "Model rejected 1 h ago: accuracy_floor: 0.71. Champion 14 stays" in ended.out


def test_a_version_that_waits_names_the_command(pixelgate: Command, home: Home) -> None:
    """Until it is decided upon; a promotion of it ends the waiting, also if it is taken back."""
    other = home.renamed("wafers")
    promoted(other)
    run_id = write_run(other, Outcome.AWAITING_APPROVAL, number=2, model_version="15")
    ended = pixelgate("status", "--json")
    assert ended.code == 6
    [status] = ended.json
    assert status["waiting"] == ["15"]
    assert status["action"].endswith('pixelgate promote 15 --reason "..." --name wafers')
    for version in ("15", "14"):
        write_promotion(other, version, run_id)
        ended = pixelgate("status", "--json")
        assert (ended.code, ended.json[0]["waiting"]) == (0, [])
        assert ended.json[0]["sentence"].startswith(f"Healthy. Champion {version}")
        assert ended.json[0]["sentence"].endswith("left it to a person.")


@pytest.mark.parametrize(("runs", "code"), [(2, 6), (3, 7)])
def test_run_after_run_that_fails_is_worse_than_one(
    pixelgate: Command, home: Home, runs: int, code: int
) -> None:
    """Three failures in a row are no accident."""
    promoted(home)
    for number in range(2, 2 + runs):
        write_run(home, Outcome.FAILED, number=number, message="OSError: the disk is gone")
    ended = pixelgate("status")
    assert ended.code == code
    assert "The last run failed 1 h ago: OSError: the disk is gone. Champion 14" in ended.out


def test_a_run_in_progress_is_told_from_one_that_died(pixelgate: Command, home: Home) -> None:
    """By the lock that its process holds, or by files that are written."""
    promoted(home)
    run_id = write_run(home, Outcome.UNFINISHED, number=2)
    assert f"Run {run_id} is in progress." in pixelgate("status").out
    folder = home.runs / run_id
    for file in (*folder.iterdir(), folder):
        os.utime(file, (time.time() - 600, time.time() - 600))
    with run_lock(home):
        ended = pixelgate("status")
        assert ended.code == 0
        assert f"Run {run_id} is in progress." in ended.out
    ended = pixelgate("status")
    assert ended.code == 6
    assert f"The process of run {run_id} died; nobody is training." in ended.out
    assert "pixelgate run --data DIR" in ended.out


def test_a_late_model_needs_attention(pixelgate: Command, home: Home) -> None:
    """If an interval is given."""
    promoted(home, hours_ago=30)
    assert pixelgate("status").code == 0
    ended = pixelgate("status", "--late-after", 26)
    assert ended.code == 6
    assert "Late. The last run ended 1 day ago, and one is expected every 1 day." in ended.out


def test_nothing_in_production_is_failing(pixelgate: Command, home: Home) -> None:
    """Data that was accepted is no model."""
    write_run(home, Outcome.ACCEPTED)
    ended = pixelgate("status")
    assert ended.code == 7
    assert "No version is in production; the gate accepted the data 1 h ago." in ended.out


def test_a_changed_ledger_is_failing(pixelgate: Command, home: Home) -> None:
    """What is in production is not believed from a ledger that somebody changed."""
    promoted(home)
    ledger = home.ledger()
    ledger.write_text(ledger.read_text("utf-8").replace('"14"', '"13"'), "utf-8")
    ended = pixelgate("status")
    assert ended.code == 7
    assert "can't be told" in ended.out
    assert str(ledger) in ended.out


def test_every_model_of_a_home_is_listed_and_one_can_be_named(
    pixelgate: Command, home: Home
) -> None:
    """The exit code is that of the worst of those that are listed."""
    promoted(home.renamed("digits"))
    write_run(home.renamed("clothes"), Outcome.FAILED, number=2)
    ended = pixelgate("status")
    assert (ended.code, [line[:2] for line in ended.out.splitlines() if ": " in line[:14]]) == (
        7,
        ["XX", "ok"],
    )
    assert pixelgate("status", "--name", "digits").code == 0
    ended = pixelgate("status", "--name", "digit")
    assert ended.code == 2
    assert "There is no model named digit in" in ended.err
    assert "Models there: clothes, digits." in ended.err


def test_a_home_without_models_is_no_success(pixelgate: Command, home: Home) -> None:
    """A mistyped home must not look healthy, and is not created."""
    ended = pixelgate("status")
    assert ended.code == 2
    assert "Train one with `pixelgate run --data DIR`" in ended.err
    assert not home.root.exists()


def test_an_installed_model_is_shown_before_its_first_run(
    pixelgate: Command, tmp_path: Path
) -> None:
    """Nothing is in production, and its schedule is what changes that."""
    write_tree(tmp_path / "photos", {"cat": 1})
    added = pixelgate("models", "add", "photos", "--data", tmp_path / "photos", "--watch")
    assert added.code == 0, added.err
    ended = pixelgate("status")
    assert ended.code == 7
    assert ended.out.startswith(
        "XX  photos: No version is in production: it was installed, and has not run yet.\n"
    )
    assert "`pixelgate up` is not running" in ended.out


def test_an_installed_model_whose_file_is_wrong_needs_somebody(
    pixelgate: Command, home: Home
) -> None:
    """It is not retrained any more, which nobody would see otherwise."""
    promoted(home)
    home.installed_models.mkdir()
    (home.installed_models / "pixelgate.toml").write_text('data = "x"\nevry = "6h"\n', "utf-8")
    ended = pixelgate("status")
    assert ended.code == 6
    assert "!!  pixelgate: It is not retrained, as its file is wrong. " in ended.out
    assert "pixelgate.toml: evry: Extra inputs are not permitted." in ended.out
    assert "Correct the file" in ended.out


def test_a_torn_summary_hides_nothing(pixelgate: Command, home: Home) -> None:
    """The run counts as unfinished, and the others are read."""
    promoted(home)
    run_id = write_run(home, Outcome.UNCHANGED, number=2, metrics=ACCURACY)
    (home.runs / run_id / "summary.json").write_text('{"run_id"', "utf-8")
    ended = pixelgate("status", "--json")
    assert [run["outcome"] for run in ended.json[0]["runs"]] == ["promoted", "unfinished"]

"""Which version is in production: changed by one at a time, whoever is killed, and undone."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import mlflow
import pytest

from tasks.errors import ChampionChangedError, DamagedFileError, PixelgateError, UsageError
from tasks.registry import production
from tasks.registry.by_hand import promote_version, roll_back
from tasks.registry.decision_ledger import read_ledger
from tasks.registry.ledger_check import list_reigns, verify_ledger
from tasks.registry.mlflow_store import CHAMPION
from tasks.registry.production import Change, change_champion, settle
from tasks.registry.registration import close_interrupted, record_decision
from tests.image_trees import ROOT
from tests.postgres import postgres, programs
from tests.processes import unmeasured
from tests.production_state import aliases, steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.registry.mlflow_store import ModelStore
    from tests.model_bench import Bench


def promotion(version: str, expected: str | None, **parts: Any) -> Change:
    """Return a change that a run makes."""
    run = f"run {version}"
    return Change(version, expected, "promote", parts.pop("who", run), "it is better", **parts)


def test_rolling_back_twice_goes_back_two(versions: Bench) -> None:
    """A version that was withdrawn is none to return to, and the alias previous says so."""
    store = versions.store
    for version in "23":
        promote_version(store, version, reason="tried out")
    assert aliases(store) == ("3", "2")
    done = roll_back(store, reason="confuses dogs with wolves")
    assert (done.version, done.before) == ("2", "3")
    assert aliases(store) == ("2", "1")
    roll_back(store, reason="worse still")
    assert aliases(store) == ("1", None)
    with pytest.raises(UsageError, match="Version 1 of bench is the first champion"):
        roll_back(store, reason="again")
    promote_version(store, "4", reason="fixed")
    assert aliases(store) == ("4", "1")
    assert roll_back(store, "3", reason="better than 4").version == "3"
    assert aliases(store) == ("3", "1")
    assert verify_ledger(versions.store).entries == len(steps(store))
    assert read_ledger(store.ledger)[-1].why == "better than 4"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda store: promote_version(store, "9", reason="why"), "No version 9 of bench.*1, 2, 3"),
        (lambda store: promote_version(store, "newest", reason="why"), "No version newest"),
        (lambda store: promote_version(store, "2", reason=" "), "--reason needs a reason"),
        (lambda store: roll_back(store, reason=""), "--reason needs a reason"),
        (lambda store: roll_back(store, "2", reason="why"), "never in production.*promote 2"),
        (lambda store: roll_back(store, "77", reason="why"), "No version 77"),
    ],
)
def test_a_mistake_is_named_and_changes_nothing(
    versions: Bench, call: Callable[[ModelStore], object], message: str
) -> None:
    """The versions there are, or the command that does what was meant."""
    with pytest.raises(UsageError, match=message):
        call(versions.store)
    assert aliases(versions.store) == ("1", None)
    assert len(steps(versions.store)) == 2


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_version_whose_file_is_not_what_was_registered_is_refused(
    versions: Bench, damage: str
) -> None:
    """By promotion and by rollback, before anything is changed."""
    store = versions.store
    promote_version(store, "2", reason="tried out")
    (file,) = versions.config.paths.artifacts.rglob("*.keras")
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes() + b" ")
    calls: list[Callable[[], object]] = [
        lambda: roll_back(store, reason="back"),
        lambda: promote_version(store, "3", reason="on"),
    ]
    for call in calls:
        with pytest.raises(PixelgateError, match=r"can't be in production.*Nothing was changed"):
            call()
    assert aliases(store) == ("2", "1")


def test_an_inspection_can_refuse_a_version(versions: Bench) -> None:
    """It gets the version and its file."""

    def refuse(version: str, file: Path) -> None:
        assert file.suffix == ".keras"
        raise PixelgateError(f"version {version} confuses the golden images")

    with pytest.raises(PixelgateError, match="version 2 confuses"):
        promote_version(versions.store, "2", reason="why", inspect=refuse)
    assert aliases(versions.store) == ("1", None)


def test_a_promotion_against_another_champion_is_refused(versions: Bench) -> None:
    """Somebody rolled back or promoted while the run was judged."""
    promote_version(versions.store, "2", reason="by hand")
    with pytest.raises(ChampionChangedError, match=r"place of version 1, but version 2 became"):
        change_champion(versions.store, promotion("3", "1"))
    with pytest.raises(ChampionChangedError, match="no champion, but version 2"):
        change_champion(versions.store, promotion("3", None))
    assert aliases(versions.store) == ("2", "1")
    change_champion(versions.store, promotion("3", None, any_champion=True))
    change_champion(versions.store, promotion("3", "1"))
    assert aliases(versions.store) == ("3", "2")


class Killed(BaseException):
    """A process that ends here."""


@pytest.mark.parametrize(
    ("owner", "name", "call", "finished"),
    [
        # The calls in the order in which a promotion makes them.
        (production, "append", 1, False),
        (mlflow.MlflowClient, "set_registered_model_alias", 1, False),
        (mlflow.MlflowClient, "set_registered_model_alias", 2, True),
        (production, "append", 2, True),
        (mlflow.MlflowClient, "set_registered_model_tag", 1, True),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_any_step_leaves_one_champion(  # noqa: PLR0913 - a step and its result
    versions: Bench,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    call: int,
    *,
    finished: bool,
    when: str,
) -> None:
    """The old or the new one; the next run finishes the change or takes it back."""
    original, calls = getattr(owner, name), []

    def die(*arguments: Any, **options: Any) -> Any:
        calls.append(name)
        if len(calls) == call and when == "before":
            raise Killed
        result = original(*arguments, **options)
        if len(calls) == call:
            raise Killed
        return result

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, die)
        with pytest.raises(Killed):
            change_champion(versions.store, promotion("2", "1"))
    # The alias is moved by the first call of set_registered_model_alias.
    moved = finished or (name, when) == ("set_registered_model_alias", "after")
    champion = "2" if moved else "1"
    assert aliases(versions.store)[0] == champion
    assert list_reigns(versions.store)[-1].version == champion
    close_interrupted(versions.store)
    assert aliases(versions.store) == ("2", "1") if moved else ("1", None)
    assert verify_ledger(versions.store).champion == champion
    change_champion(versions.store, promotion("2", "1"))
    assert aliases(versions.store) == ("2", "1")
    assert verify_ledger(versions.store).champion == "2"


def test_an_alias_that_was_set_elsewhere_is_noted(
    versions: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """By MLflow's own client; the ledger says that it doesn't know who and why."""
    client = versions.store.client
    client.set_registered_model_alias("bench", CHAMPION, "4")
    with pytest.raises(DamagedFileError, match="says version 1, and the registry says version 4"):
        verify_ledger(versions.store)
    assert list_reigns(versions.store)[-1].version == "4"
    settle(versions.store)
    assert "version 4 is champion now" in caplog.text
    assert aliases(versions.store) == ("4", "1")
    assert steps(versions.store)[-1] == ("found", "4")
    client.delete_registered_model_alias("bench", CHAMPION)
    settle(versions.store)
    assert list_reigns(versions.store)[-1].version is None
    promote_version(versions.store, "2", reason="a new start")
    assert "entry 3" in verify_ledger(versions.store).notes[0]


def test_a_store_from_before_the_ledger_is_taken_over(
    versions: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Its champion is the first entry, without a warning."""
    versions.store.ledger.unlink()
    versions.store.client.delete_registered_model_tag("bench", production.HEAD_TAG)
    settle(versions.store)
    assert steps(versions.store) == [("found", "1")]
    assert caplog.text == ""


def test_without_champion_takes_the_place_of_a_lost_one(versions: Bench) -> None:
    """--without-champion judges as if none were there, and the ledger knows what was."""
    store = replace(versions.store, without_champion=True)
    candidate = versions.register(0.95, run="run9")
    decision = versions.judge(candidate, 0.95, champion=None)
    record_decision(store, candidate, decision)
    assert read_ledger(store.ledger)[-1].before == "1"
    assert aliases(store) == (candidate.version, "1")


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_processes_that_are_killed_leave_one_champion(database: str) -> None:
    """Eight at a time, at random moments; benchmarks/registry_kills.py does 200 such rounds."""
    with contextlib.ExitStack() as stack:
        options = ["--rounds", "3"]
        if database == "postgresql":
            if programs() is None:
                pytest.skip("PostgreSQL is not installed")
            options += ["--uri", stack.enter_context(postgres())]
        ended = subprocess.run(
            [sys.executable, ROOT / "benchmarks/registry_kills.py", *options],
            env=unmeasured({**os.environ, "PYTHONPATH": str(ROOT)}),
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["changes of champion"] > 1

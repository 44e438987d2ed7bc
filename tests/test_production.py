"""Which version is in production: changed by one at a time, kept in a ledger, and undone."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import pytest

from tasks.errors import ChampionChangedError, DamagedFileError, PixelgateError, UsageError
from tasks.outcome import Outcome
from tasks.registry import production
from tasks.registry.by_hand import promote_version, roll_back
from tasks.registry.decision_ledger import Entry, Step, read_ledger
from tasks.registry.ledger_check import list_reigns, verify_ledger
from tasks.registry.mlflow_store import CHAMPION, PREVIOUS
from tasks.registry.production import Change, change_champion, note_action, note_decision, settle
from tasks.registry.registration import close_interrupted, record_decision
from tasks.registry.reigns import reigns_at, reigns_of
from tests.image_trees import ROOT
from tests.postgres import postgres, programs
from tests.processes import unmeasured

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.registry.mlflow_store import ModelStore
    from tests.command_line import Command
    from tests.model_bench import Bench


def aliases(store: ModelStore) -> tuple[str | None, str | None]:
    """Return the versions of the aliases champion and previous."""
    found = (store.registered_alias(alias) for alias in (CHAMPION, PREVIOUS))
    champion, previous = (None if each is None else str(each.version) for each in found)
    return champion, previous


def promotion(version: str, expected: str | None, **parts: Any) -> Change:
    """Return a change that a run makes."""
    run = f"run {version}"
    return Change(version, expected, "promote", parts.pop("who", run), "it is better", **parts)


def steps(store: ModelStore) -> list[tuple[str, str | None]]:
    """Return step and version of each entry."""
    return [(entry.step.value, entry.version) for entry in read_ledger(store.ledger)]


def test_a_promotion_is_in_the_ledger_with_its_evidence(versions: Bench) -> None:
    """Who, when, on which data and which comparison; begun before and done after."""
    store = versions.store
    assert steps(store) == [("begun", "1"), ("done", "1")]
    first = read_ledger(store.ledger)[0]
    assert (first.who, first.action, first.before) == ("run run1", "promote", None)
    assert "is champion now" in first.why
    assert first.evidence["run"] == "run1"
    assert len(first.evidence["model_sha256"]) == 64
    assert first.evidence["provenance"]["pixelgate.data_fingerprint"] == "f00d"
    assert verify_ledger(store).champion == "1"


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


def test_decisions_that_change_nothing_are_kept_too(versions: Bench) -> None:
    """A rejected model is in the ledger once, however often a stage is repeated."""
    candidate = versions.register(0.45, run="run9")
    decision = versions.judge(candidate, 0.45, champion=0.9)
    assert decision.outcome is Outcome.MODEL_REJECTED
    for _ in range(2):
        record_decision(versions.store, candidate, decision)
    last = read_ledger(versions.store.ledger)[-1]
    assert (last.number, last.step, last.action) == (3, Step.DECIDED, "model_rejected")
    assert last.evidence["failed"] == ["floor", "no_worse_than_champion"]
    assert last.evidence["comparison"]["answer"] == "worse"


def rewrite(file: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Change the lines of a ledger as somebody would who wants to hide something."""
    lines = change(file.read_text("utf-8").splitlines())
    file.write_text("\n".join(lines) + "\n", "utf-8")


def altered(lines: list[str]) -> list[str]:
    """Change a reason and keep the hash."""
    return [lines[0].replace("run1", "run7"), *lines[1:]]


def rehashed(lines: list[str]) -> list[str]:
    """Change a reason and compute that entry's own hash anew."""
    entry = Entry.model_validate_json(lines[1]).model_copy(update={"why": "other"})
    from tasks.storage.hashing import digest

    sha256 = digest(entry.model_dump(mode="json", exclude={"sha256"}))
    changed = entry.model_copy(update={"sha256": sha256})
    return [lines[0], changed.model_dump_json(), *lines[2:]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (altered, "line 1 was changed"),
        (rehashed, "before line 3 were removed"),
        (lambda lines: lines[1:], "before line 1 were removed"),
        (lambda lines: [lines[0], *lines[2:]], "before line 2 were removed"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "before line 1 were removed"),
        (lambda lines: [*lines, lines[-1]], "before line 5 were removed"),
        (lambda lines: [*lines[:2], "{}", *lines[2:]], "line 3 is no entry"),
        (lambda lines: lines[:2], "the registry knows of entry 4"),
        (lambda lines: lines[:0], "the registry knows of entry 4"),
    ],
)
def test_a_ledger_that_was_tampered_with_is_named(
    versions: Bench, change: Callable[[list[str]], list[str]], message: str
) -> None:
    """With the line; entries that are cut off at the end, by what the registry knows."""
    promote_version(versions.store, "2", reason="tried out")
    rewrite(versions.store.ledger, change)
    with pytest.raises(DamagedFileError, match=message) as raised:
        verify_ledger(versions.store)
    assert str(versions.store.ledger) in str(raised.value)
    assert "pixelgate restore" in str(raised.value)


def test_entries_that_were_cut_off_leave_a_trace(versions: Bench) -> None:
    """Work goes on, and the gap is in the ledger for ever."""
    promote_version(versions.store, "2", reason="tried out")
    rewrite(versions.store.ledger, lambda lines: lines[:2])
    promote_version(versions.store, "3", reason="next")
    notes = verify_ledger(versions.store).notes
    assert "entry 3: the registry knows of entry 4" in notes[0]
    assert aliases(versions.store)[0] == "3"


def test_what_a_power_cut_left_of_a_line_is_cut_off(versions: Bench) -> None:
    """It never took effect: a change is made only once its entry is on the disk."""
    with versions.store.ledger.open("ab") as opened:
        opened.write(b'{"number": 3, "at": "2026-')
    assert verify_ledger(versions.store).entries == 2
    promote_version(versions.store, "2", reason="on")
    assert verify_ledger(versions.store).entries == 4


def at(seconds: float) -> str:
    """Return a time as the ledger has it."""
    return (datetime(2026, 3, 3, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat(
        timespec="microseconds"
    )


def test_what_was_in_production_when() -> None:
    """By the moment a change began; a day lists all of its versions."""
    blank: dict[str, Any] = {"evidence": {}, "previous": "", "sha256": "", "who": "run", "why": ""}
    rows = [
        (-80_000, Step.BEGUN, "1"), (-79_999, Step.DONE, "1"),
        (100, Step.BEGUN, "2"), (101, Step.UNDONE, "2"),
        (200, Step.BEGUN, "3"), (250, Step.DONE, "3"),
        (90_000, Step.FOUND, None), (90_100, Step.FOUND, "4"),
    ]  # fmt: skip
    entries = [
        Entry(number=n, at=at(when), step=step, action="promote", version=version, before=None,
              **blank)
        for n, (when, step, version) in enumerate(rows, start=1)
    ]  # fmt: skip
    reigns = reigns_of(entries)

    def live(moment: str) -> list[str | None]:
        return [reign.version for reign in reigns_at(reigns, moment)]

    assert live("2026-03-01") == []
    assert live("2026-03-02") == ["1"]
    assert live(at(150)) == ["1"]
    assert live(at(199.999)) == ["1"]
    assert live(at(200)) == ["3"]
    assert live("2026-03-03") == ["1", "3"]
    assert live("2026-03-03T01:00:00+01:00") == ["1"]
    assert live(at(90_050)) == [None]
    assert live("2030-01-01T00:00") == ["4"]
    assert reigns[1].settled == at(250)
    with pytest.raises(UsageError, match="Not a date or time: yesterday"):
        reigns_at(reigns, "yesterday")


def test_the_commands_say_what_is_and_what_was(versions: Bench, pixelgate: Command) -> None:
    """Models, live, promote, rollback, diff, lineage and ledger on one home."""
    scope = ("--name", "bench")
    done = pixelgate("promote", "2", "--reason", "approved", *scope)
    assert done.code == 0, done.err
    assert "version 2 of bench is in production now; before: version 1" in done.err
    rows = pixelgate("models", *scope, "--json").json
    assert [row["version"] for row in rows] == ["4", "3", "2", "1"]
    assert rows[2]["aliases"] == ["champion"]
    assert rows[3]["aliases"] == ["challenger", "previous"]
    assert "promoted" in pixelgate("models", *scope).out
    assert "in production already" in pixelgate("promote", "2", "--reason", "x", *scope).err

    assert pixelgate("rollback", "--reason", "no good", *scope).code == 0
    live = pixelgate("live", *scope, "--json").json
    assert [(row["version"], row["why"]) for row in live] == [("1", "no good")]
    today = pixelgate("live", "--at", f"{datetime.now(UTC):%Y-%m-%d}", *scope, "--json").json
    assert [row["version"] for row in today] == ["1", "2", "1"]
    assert pixelgate("live", "--at", "2020-01-01", *scope, "--json").json == []
    assert pixelgate("live", "--at", "tomorrow", *scope).code == 2

    listed = pixelgate("ledger", *scope, "--json").json
    assert [row["action"] for row in listed] == ["promote"] * 4 + ["rollback"] * 2
    assert "6 entries, unbroken" in pixelgate("ledger", "verify", *scope).err
    rewrite(versions.store.ledger, altered)
    broken = pixelgate("ledger", "verify", *scope)
    assert broken.code == 1
    assert "line 1 was changed" in broken.err
    assert "Traceback" not in broken.err


def test_a_home_without_models_is_a_message(pixelgate: Command) -> None:
    """Each command says so, and none creates a store."""
    for command in (["models"], ["live"], ["ledger"], ["ledger", "verify"]):
        assert pixelgate(*command).code == 0
    for command in (
        ["promote", "1", "--reason", "x"],
        ["rollback", "--reason", "x"],
        ["diff", "1", "2"],
        ["lineage", "1"],
    ):
        ended = pixelgate(*command)
        assert ended.code == 2
        assert "There are no models in" in ended.err
    assert "mlflow.db" not in json.dumps([str(file) for file in Path.cwd().rglob("*")])


def test_note_decision_wants_a_model_that_is_registered(versions: Bench) -> None:
    """A decision is about a version; who decided is part of it."""
    for who in ("run a", "run a", "run b"):
        note_decision(
            versions.store, action="kept_champion", version="2", who=who, why="", evidence={}
        )
    assert [entry.who for entry in read_ledger(versions.store.ledger)][2:] == ["run a", "run b"]


def test_actions_about_no_version_come_before_the_first_one_too(bench: Bench) -> None:
    """Each is an entry, the chain goes on with the first promotion, and cutting them off shows."""
    store = bench.store
    for why in ("new images", "and again"):
        note_action(store, action="run_now", who="ada (desk)", why=why, evidence={"request": "r"})
    assert verify_ledger(store).champion is None
    bench.retrain(0.9)
    note_action(store, action="run_now", who="ada (desk)", why="later", evidence={})
    entries = read_ledger(store.ledger)
    assert [(each.step.value, each.version, each.before) for each in entries] == [
        ("decided", None, None),
        ("decided", None, None),
        ("begun", "1", None),
        ("done", "1", None),
        ("decided", None, "1"),
    ]
    assert verify_ledger(store).champion == "1"
    assert [reign.version for reign in reigns_of(entries)] == ["1"]
    lines = store.ledger.read_text("utf-8").splitlines(keepends=True)
    store.ledger.write_text("".join(lines[:-1]), "utf-8")
    with pytest.raises(DamagedFileError, match="the registry knows of entry 5"):
        verify_ledger(store)


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

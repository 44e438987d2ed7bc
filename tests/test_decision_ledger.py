"""The ledger of decisions: what is kept, how tampering shows, what was in production when."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks.errors import DamagedFileError, UsageError
from tasks.outcome import Outcome
from tasks.registry.by_hand import promote_version
from tasks.registry.decision_ledger import Entry, Step, read_ledger
from tasks.registry.ledger_check import verify_ledger
from tasks.registry.production import note_action, note_decision
from tasks.registry.registration import record_decision
from tasks.registry.reigns import reigns_at, reigns_of
from tests.production_state import aliases, steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.command_line import Command
    from tests.model_bench import Bench


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

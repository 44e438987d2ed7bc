"""What housekeeping keeps: all that production, a person or a run in progress still needs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tasks.errors import DamagedFileError
from tasks.housekeeping.clean import keep_house, plan_housekeeping
from tasks.outcome import Outcome
from tasks.registry.by_hand import promote_version, roll_back
from tasks.registry.ledger_check import verify_ledger
from tasks.runs.provenance import OUTCOME_TAG
from tasks.runs.run_lock import run_lock
from tasks.storage.atomic import write_json
from tests.houses import House, going, staying, versions
from tests.run_records import wear, write_promotion

if TYPE_CHECKING:
    from collections.abc import Callable


def with_alias(name: str) -> Callable[[House], None]:
    """Return a function that gives version 1 an alias, of which no ledger knows."""
    return lambda house: house.store.client.set_registered_model_alias("bench", name, "1")


def in_ledger(house: House) -> None:
    """Let the ledger name version 1 as in production once."""
    for version in ("1", "9"):
        write_promotion(house.bench.config.paths, version, "another")


def in_other_ledger(house: House) -> None:
    """Let the ledger of another store name version 1."""
    home = house.bench.config.paths
    write_promotion(home, "1", house.runs[0])
    home.ledger().rename(home.ledger("0123abcd"))


def with_outcome(outcome: Outcome) -> Callable[[House], None]:
    """Return a function that tags version 1 with an outcome."""
    return lambda house: house.store.client.set_model_version_tag(
        "bench", "1", OUTCOME_TAG, outcome.value
    )


def as_baseline(house: House) -> None:
    """Let a baseline name the run."""
    folder = house.bench.config.paths.baselines / "000001-20260101-000000"
    write_json(folder / "record.json", {"run_id": house.runs[0]})


def as_newest_judged(house: House) -> None:
    """Let every later run have failed."""
    for run in (1, 2):
        shutil.rmtree(house.folder(run))


def being_written(house: House) -> None:
    """Write a file deep in the run's folder."""
    (house.folder(0) / "validation/gx").mkdir(parents=True)
    wear(house.folder(0))
    (house.folder(0) / "validation/gx/page.html").write_text("now")


@pytest.mark.parametrize(
    ("protect", "reason"),
    [
        (with_alias("champion"), "version 1 is champion"),
        (with_alias("previous"), "version 1 is previous"),
        (with_alias("canary"), "version 1 is canary"),
        (in_ledger, "version 1 was in production"),
        (in_other_ledger, "version 1 was in production"),
        (with_outcome(Outcome.PROMOTED), "it was promoted"),
        (with_outcome(Outcome.AWAITING_APPROVAL), "version 1 waits for approval"),
        (as_baseline, "its data is what later data is compared with"),
        (as_newest_judged, "the newest run that the model gate judged"),
        (being_written, "its files were written just now"),
    ],
)
def test_one_reason_keeps_a_run(
    house: House, protect: Callable[[House], None], reason: str
) -> None:
    """Without it the run goes, as test_housekeeping shows; with it the run and its version stay."""
    protect(house)
    done = keep_house(house.config())
    assert house.runs[0] not in going(done.plan)
    assert staying(done.plan)[house.runs[0]] == reason
    assert house.folder(0).exists()
    assert "1" in versions(house)
    assert house.store.model_path("1").exists()


def test_what_becomes_champion_after_the_plan_stays(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person may promote a version by hand meanwhile: the question is asked again."""
    plan = plan_housekeeping(house.config())
    assert going(plan) == list(house.runs[:2])
    promote_version(house.store, "1", reason="it is good")
    monkeypatch.setattr("tasks.housekeeping.clean.plan_housekeeping", lambda _config: plan)
    done = keep_house(house.config())
    assert going(done.plan) == [house.runs[1]]
    assert staying(done.plan)[house.runs[0]] == "version 1 is champion"


def test_versions_can_be_kept(house: House) -> None:
    """With housekeeping.versions off, a run that made a version stays with it."""
    plan = plan_housekeeping(house.config(versions=False))
    assert going(plan) == []
    assert staying(plan)[house.runs[0]] == "its version 1 stays"


def test_a_retraining_is_left_alone(house: House) -> None:
    """While its lock is held nothing of the model goes, and no cache either."""
    home = house.bench.config.paths
    (home.decoded / "old").mkdir(parents=True)
    wear(home.decoded, days=90)
    with run_lock(home):
        done = keep_house(house.config())
    assert done.plan.removals == ()
    assert [reason.partition(":")[0] for reason in done.busy] == [
        "bench is being retrained",
        "a model is being retrained",
    ]
    assert versions(house) == ["3", "2", "1"]
    assert (home.decoded / "old").exists()


def test_a_damaged_ledger_stops_it(house: House) -> None:
    """Where it can't be told what was in production, nothing goes."""
    in_ledger(house)
    ledger = house.bench.config.paths.ledger()
    ledger.write_text(ledger.read_text().replace("better", "worse"))
    with pytest.raises(DamagedFileError, match="was changed since it was written"):
        keep_house(house.config())
    assert house.folder(0).exists()


def test_ledger_and_rollback_survive(house: House) -> None:
    """After it the ledger verifies, and a rollback finds the version before."""
    promote_version(house.store, "2", reason="first")
    promote_version(house.store, "3", reason="better")
    done = keep_house(house.config())
    assert going(done.plan) == [house.runs[0]]
    assert verify_ledger(house.store).champion == "3"
    assert roll_back(house.store, reason="worse after all").version == "2"
    assert verify_ledger(house.store).champion == "2"

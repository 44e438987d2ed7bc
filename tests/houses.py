"""A home of five runs for housekeeping, and what its plan says of them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.config.retention import HousekeepingConfig
from tasks.housekeeping.plan_records import RUN
from tasks.outcome import Outcome
from tasks.registry.version_list import list_versions
from tasks.runs.provenance import OUTCOME_TAG
from tests.run_records import wear, write_run

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.schema import RetrainConfig
    from tasks.housekeeping.plan_records import Plan
    from tasks.registry.mlflow_store import ModelStore
    from tests.model_bench import Bench


@dataclass(frozen=True)
class House:
    """A home of five runs, of which keep_runs = 1 lets only the first one go.

    Attributes:
        bench: at this home.
        runs: the oldest first: two and the challenger's with versions 1 to 3, a gate's, and a
            failed one.
    """

    bench: Bench
    runs: tuple[str, ...]

    def config(self, **settings: Any) -> RetrainConfig:
        """Return settings that keep one run."""
        keeping = HousekeepingConfig(**{"keep_runs": 1, **settings})
        return self.bench.config.model_copy(update={"housekeeping": keeping})

    def at_home(self, home: Path) -> House:
        """Return the same runs in a copy of their home."""
        return House(self.bench.at_home(home), self.runs)

    @property
    def store(self) -> ModelStore:
        """The store, opened anew."""
        return self.bench.store

    def folder(self, run: int) -> Path:
        """Return a run's folder."""
        return self.bench.config.paths.runs / self.runs[run]


def furnish(bench: Bench, database: Path) -> House:
    """Write the five runs and register their versions.

    Args:
        bench: at the home, which doesn't exist yet.
        database: of an empty store, which is copied.
    """
    home = bench.config.paths
    home.state.mkdir(parents=True)
    shutil.copy(database, home.database)
    runs = []
    for number in (1, 2, 3):
        kept: dict[str, Any] = {
            "number": number,
            "hours_ago": 100 - number,
            "model_version": str(number),
        }
        runs.append(write_run(home, Outcome.KEPT_CHAMPION, **kept))
        candidate = bench.register(run=runs[-1])
        tag = (home.name, candidate.version, OUTCOME_TAG, Outcome.KEPT_CHAMPION.value)
        bench.store.client.set_model_version_tag(*tag)
    runs.append(write_run(home, Outcome.ACCEPTED, number=4, hours_ago=50))
    runs.append(write_run(home, Outcome.FAILED, number=5, hours_ago=40))
    wear(home.runs)
    return House(bench, tuple(runs))


def going(plan: Plan) -> list[str]:
    """Return the runs that go."""
    return [each.name for each in plan.removals if each.kind == RUN]


def staying(plan: Plan) -> dict[str, str]:
    """Return why runs stay."""
    return {each.name: each.reason for each in plan.kept if each.kind == RUN}


def versions(house: House) -> list[str]:
    """Return the versions in the registry."""
    return [row.version for row in list_versions(house.store)]

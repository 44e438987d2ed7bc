"""Settings go in; what nothing needs is planned, and then removed, model by model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tasks.housekeeping.free_pages import compact, plan_databases
from tasks.housekeeping.old_caches import (
    delete_what_kills_left,
    plan_caches,
    remove_caches,
    remove_damaged,
)
from tasks.housekeeping.old_runs import plan_runs, remove_runs
from tasks.housekeeping.plan_records import CACHE, DAMAGED, RUN, Plan, Tidied
from tasks.monitoring.disk_usage import measure_disk
from tasks.monitoring.model_names import model_names
from tasks.monitoring.run_list import list_runs
from tasks.registry.mlflow_store import open_store
from tasks.registry.version_removal import delete_moved_artifacts

if TYPE_CHECKING:
    from tasks.config.schema import RetrainConfig
    from tasks.housekeeping.plan_records import Removal
    from tasks.registry.mlflow_store import ModelStore


def plan_housekeeping(config: RetrainConfig) -> Plan:
    """Return what is to go from a home, of all its models, and why the rest stays.

    Args:
        config: the housekeeping and registry parts, and home.

    Raises:
        DamagedFileError: a ledger is damaged, so that it can't be told what was in production.
    """
    summaries = list_runs(config.paths)
    plan = Plan()
    for name in model_names(config.paths, summaries):
        own = [summary for summary in summaries if summary.name == name]
        plan = plan.and_then(plan_runs(_store(config, name), own, config.housekeeping))
    caches = plan_caches(config.paths, config.housekeeping)
    return plan.and_then(caches).and_then(plan_databases(config.paths))


def keep_house(config: RetrainConfig) -> Tidied:
    """Remove what nothing needs from a home; what is in use is left to the next time.

    It can be killed at any moment and repeated: what goes is renamed before it is deleted.

    Args:
        config: the housekeeping and registry parts, and home.

    Raises:
        DamagedFileError: a ledger is damaged, so that it can't be told what was in production.
    """
    home = config.paths
    before = measure_disk(home).kinds
    plan = plan_housekeeping(config)
    delete_what_kills_left(home)
    gone: list[Removal] = []
    kept = list(plan.kept)
    busy: list[str | None] = []
    for name in model_names(home, list_runs(home)):
        store = _store(config, name)
        delete_moved_artifacts(store)
        own = [each for each in plan.removals if each.kind == RUN and each.model == name]
        removed, stay, reason = remove_runs(store, own)
        gone, kept, busy = gone + removed, kept + stay, [*busy, reason]
    removed, reason = remove_caches(home, [each for each in plan.removals if each.kind == CACHE])
    gone, busy = gone + removed, [*busy, reason]
    gone += remove_damaged([each for each in plan.removals if each.kind == DAMAGED])
    for database in plan_databases(home).removals:
        gone += [database] if compact(home.database) else []
    done = replace(plan, removals=tuple(gone), kept=tuple(kept))
    return Tidied(done, before, measure_disk(home).kinds, tuple(filter(None, busy)))


def _store(config: RetrainConfig, name: str) -> ModelStore:
    return open_store(config.paths.renamed(name), config.registry)

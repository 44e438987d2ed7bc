"""A home goes in; its old runs in Prefect are removed, and a database of its own is compacted."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterEndTime,
)
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, PREFECT_API_URL

from tasks.housekeeping.free_pages import compact, free_bytes
from tasks.housekeeping.plan_records import DATABASE, FLOW_RUNS, Kept, Plan, Removal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from prefect.client.schemas.objects import FlowRun

    from tasks.config.schema import RetrainConfig
    from tasks.storage.home import Home

FLOWS = ["retrain", "drill", "score", "gate", "housekeeping"]
PAGE = 200
SQLITE = "sqlite+aiosqlite:///"

log = logging.getLogger("pixelgate")


def plan_flow_runs(config: RetrainConfig) -> Plan:
    """Return how many runs of this home are to go from the Prefect server that is in use."""
    if not PREFECT_API_URL.value():
        return Plan(kept=(Kept(FLOW_RUNS, "all", "PREFECT_API_URL names no server to ask"),))
    try:
        count = len(_old_runs(config))
    except (httpx.HTTPError, PrefectException) as error:
        reason = f"Prefect did not answer ({type(error).__name__})"
        return Plan(kept=(Kept(FLOW_RUNS, "all", reason),))
    reason = f"ended more than {config.housekeeping.keep_days:g} days ago"
    removal = Removal(FLOW_RUNS, f"{count} flow runs in Prefect", 0, reason)
    return Plan((removal,) if count else ()).and_then(_plan_compaction(config.paths))


def remove_flow_runs(config: RetrainConfig) -> tuple[Removal, ...]:
    """Remove old runs of this home from Prefect, and compact its database if it is in this home.

    Returns:
        What was removed.
    """
    plan = plan_flow_runs(config)
    if any(each.kind == FLOW_RUNS for each in plan.removals):
        with get_client(sync_client=True) as client:
            for run in _old_runs(config):
                # Another housekeeping, or Prefect's own, may have been faster.
                _delete(client, run)
    # Again, as what was removed has left empty pages.
    databases = _plan_compaction(config.paths).removals
    compacted = [each for each in databases if each.path is not None and compact(each.path)]
    return (*(each for each in plan.removals if each.kind == FLOW_RUNS), *compacted)


def _delete(client: Any, run: UUID) -> None:
    try:
        client.delete_flow_run(run)
    except ObjectNotFound:
        log.info("flow run %s was removed by somebody else", run)


def _old_runs(config: RetrainConfig) -> list[UUID]:
    """Return this home's flow runs that ended long ago; never others of a shared server."""
    before = datetime.now(UTC) - timedelta(days=config.housekeeping.keep_days)
    root = config.paths.root.absolute()
    return [run.id for run in _ended_before(before) if _home_of(run) == root]


def _ended_before(moment: datetime) -> Iterator[FlowRun]:
    with get_client(sync_client=True) as client:
        for page in range(1_000_000):
            runs = client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=FLOWS)),
                flow_run_filter=FlowRunFilter(
                    end_time=FlowRunFilterEndTime(before_=moment, is_null_=False)
                ),
                limit=PAGE,
                offset=page * PAGE,
            )
            yield from runs
            if len(runs) < PAGE:
                return


def _home_of(run: FlowRun) -> Path | None:
    config = run.parameters.get("config")
    home = config.get("home") if isinstance(config, dict) else None
    return Path(home).absolute() if home else None


def _plan_compaction(home: Home) -> Plan:
    """Return the empty pages of Prefect's databases under this home; others are not ours."""
    return Plan(
        tuple(
            Removal(DATABASE, _name(home, file), free, "empty pages of removed rows", file)
            for file in _own_databases(home)
            if (free := free_bytes(file))
        )
    )


def _own_databases(home: Home) -> list[Path]:
    found = set(home.services.rglob("prefect.db"))
    url = str(PREFECT_API_DATABASE_CONNECTION_URL.value() or "")
    if url.startswith(SQLITE):
        file = Path(unquote(url.removeprefix(SQLITE).partition("?")[0]))
        found |= {file} if file.is_relative_to(home.root.absolute()) else set()
    return sorted(found)


def _name(home: Home, file: Path) -> str:
    return file.absolute().relative_to(home.root.absolute()).as_posix()

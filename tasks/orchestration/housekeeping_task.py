"""Housekeeping as a Prefect task: settings go in; what went, shown as a table, comes out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed

from tasks.errors import PixelgateError
from tasks.housekeeping.clean import keep_house
from tasks.orchestration import artifacts
from tasks.orchestration.old_flow_runs import remove_flow_runs
from tasks.orchestration.stage_task import first_line

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

    from tasks.config.schema import RetrainConfig
    from tasks.housekeeping.plan_records import Tidied


@task(name="housekeeping", task_run_name="housekeeping {config.name}", cache_policy=NO_CACHE)
def tidy_home(config: RetrainConfig) -> State[Tidied]:
    """Remove what nothing needs from home and Prefect; `Busy` if something was in use."""
    try:
        done = keep_house(config)
    except PixelgateError as error:
        return Failed(message=first_line(error), data=error)
    removals = done.plan.removals + remove_flow_runs(config)
    done = replace(done, plan=replace(done.plan, removals=removals))
    artifacts.show_housekeeping(config.name, done)
    return Completed(name="Busy" if done.busy else "Tidied", message=done.sentence, data=done)

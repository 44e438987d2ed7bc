"""The drill as a Prefect task: settings go in; a table of the faults the gate caught comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed

from tasks.errors import PixelgateError
from tasks.orchestration import artifacts
from tasks.orchestration.stage_task import first_line

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

    from tasks.config.schema import RetrainConfig


@task(name="drill", task_run_name="drill {config.name}", cache_policy=NO_CACHE)
def drill_gate(config: RetrainConfig) -> State[list[dict[str, Any]]]:
    """Plant each kind of fault in a sample of the data; leave a table of those the gate caught."""
    from tasks.drill.rehearsal import require_all_as_expected, run_drill

    try:
        results = run_drill(config)
        # The table comes first, because it matters most when a rule did not hold.
        rows = artifacts.show_drill(config.name, results)
        require_all_as_expected(results)
    except PixelgateError as error:
        return Failed(message=first_line(error), data=error)
    return Completed(message=f"{len(results)} of {len(results)} as expected", data=rows)

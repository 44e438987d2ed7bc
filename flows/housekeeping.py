"""Housekeeping on a schedule: what no model needs any more is removed from a home."""

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.config.schema import RetrainConfig
from tasks.orchestration.housekeeping_task import tidy_home
from tasks.orchestration.stage_task import as_final


@flow(name="housekeeping", flow_run_name="housekeeping {config.name}")
def housekeeping(config: RetrainConfig) -> State:
    """Remove old runs, versions, caches and flow runs; never what is or was in production.

    Args:
        config: every setting, one form in the Prefect UI.
    """
    return as_final(tidy_home(config, return_state=True))

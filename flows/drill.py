"""The drill on a schedule: does the gate still catch what it must?"""

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.config.schema import RetrainConfig
from tasks.orchestration import stages


@flow(name="drill", flow_run_name="drill {config.name}")
def drill(config: RetrainConfig) -> State:
    """Plant each kind of fault in a copy of some of the data, and look whether the gate trips.

    Args:
        config: every setting, one form in the Prefect UI.
    """
    return stages.drill_gate(config, return_state=True)

"""The drill on a schedule: does the data gate still catch the faults it must catch?"""

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.config.schema import RetrainConfig
from tasks.orchestration.drill_task import drill_gate


@flow(name="drill", flow_run_name="drill {config.name}")
def drill(config: RetrainConfig) -> State:
    """Plant each kind of fault in a copy of some of the data, and check that the gate trips.

    Args:
        config: every setting, one form in the Prefect UI.
    """
    return drill_gate(config, return_state=True)

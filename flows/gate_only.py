"""The data gate alone, on a schedule or before another pipeline: may this data be trained on?"""

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.config.schema import RetrainConfig
from tasks.orchestration.gate_task import gate_data
from tasks.orchestration.stage_task import as_final


@flow(name="gate", flow_run_name="gate {config.name}")
def gate(config: RetrainConfig) -> State:
    """Take inventory and validate it; the run fails with the verdict's headline if it is rejected.

    Args:
        config: every setting, one form in the Prefect UI.
    """
    return as_final(gate_data(config, return_state=True))

"""The retraining, one line for each stage."""

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.config.schema import RetrainConfig
from tasks.orchestration import stages
from tasks.orchestration.approval import await_approval
from tasks.orchestration.chosen_model import choose_model
from tasks.orchestration.final_state import final_state
from tasks.orchestration.run_scope import RunScope


@flow(name="retrain", flow_run_name="retrain {config.name}")
def retrain(config: RetrainConfig) -> State:
    """Retrain a model, and promote it only if data and model pass their gates.

    Args:
        config: every setting, one form in the Prefect UI.
    """
    with RunScope(config) as opened:
        inventory = stages.take_inventory(opened)
        admitted = stages.validate(opened, inventory)
        run = choose_model(opened, admitted)
        key = stages.skip_if_unchanged(run, inventory)
        inputs = stages.build_generators(run, admitted)
        model = stages.train(run, inputs, admitted, key)
        evaluations = stages.evaluate(run, model, inputs, admitted, key)
        stages.register(run, model, inputs, evaluations)
        await_approval(run)
    return final_state(opened)

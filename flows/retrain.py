"""The retraining, as it would be told: a line a stage."""

from prefect import flow
from prefect.client.schemas.objects import State

from tasks import steps
from tasks.config import RetrainConfig
from tasks.recording import RecordedRun


@flow(name="retrain", flow_run_name="retrain {config.name}")
def retrain(config: RetrainConfig) -> State:
    """Retrain a model and let it into production only when data and model have earned it.

    Args:
        config: every setting, one form in the Prefect UI.
    """
    with RecordedRun(config) as run:
        inventory = steps.take_inventory(run)
        admitted = steps.validate(run, inventory)
        news = steps.require_news(run, inventory)
        inputs = steps.build_generators(run, admitted)
        model = steps.train(run, inputs, news)
        evaluations = steps.evaluate(run, model, inputs, admitted, news)
        steps.register(run, model, inputs, evaluations)
    return steps.final_state(run)

"""The scoring of new images by the model in production, on a schedule or on demand."""

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.config.schema import RetrainConfig
from tasks.orchestration.score_task import score_new
from tasks.orchestration.stage_task import as_final


@flow(name="score", flow_run_name="score {config.name}")
def score(config: RetrainConfig, images: list[str]) -> State:
    """Predict new images to Parquet, and compare them with what the model is known by.

    Args:
        config: every setting, one form in the Prefect UI.
        images: image files, and folders whose images are predicted.
    """
    return as_final(score_new(config, images, return_state=True))

"""Scoring as a Prefect task: settings and paths go in; a score, shown as a table, comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed

from tasks.errors import PixelgateError
from tasks.orchestration import artifacts
from tasks.orchestration.stage_task import first_line
from tasks.registry.mlflow_store import open_store

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

    from tasks.config.schema import RetrainConfig
    from tasks.serving.scoring import Score


@task(name="score", task_run_name="score {config.name}", cache_policy=NO_CACHE)
def score_new(config: RetrainConfig, images: list[str]) -> State[Score]:
    """Predict new images and show how they differ; the state is `Drifted` if they do."""
    from tasks.serving.scoring import score_images

    try:
        store = open_store(config.paths, config.registry)
        score = score_images([Path(image) for image in images], store, config)
    except PixelgateError as error:
        return Failed(message=first_line(error), data=error)
    artifacts.show_score(config.name, score)
    return Completed(
        name="Drifted" if score.drifted else "Scored", message=score.message, data=score
    )

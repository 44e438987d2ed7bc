"""Installed models go in; their deployments stand on the Prefect server of PREFECT_API_URL."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from httpx import HTTPError
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import EntrypointType, RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists
from prefect.schedules import Cron, Interval, Schedule

from flows.drill import drill
from flows.gate_only import gate
from flows.housekeeping import housekeeping
from flows.retrain import retrain
from flows.score import score
from tasks.config.installed_models import settings_of
from tasks.errors import PixelgateError, UsageError
from tasks.orchestration.prefect_runs import TAG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prefect import Flow

    from tasks.config.installed_models import InstalledModel
    from tasks.storage.home import Home

log = logging.getLogger("pixelgate")


def deploy_models(home: Home, models: Iterable[InstalledModel], *, pool: str) -> list[str]:
    """Deploy every flow of every model; a deployment that stands already is replaced.

    Args:
        home: of any of them.
        models: with their schedules.
        pool: work pool of type process, which is created if it is missing.

    Returns:
        Names of the deployments, such as retrain/photos.

    Raises:
        UsageError: settings or the data folder of a model are wrong; the others are deployed.
        PixelgateError: the server did not take them.
    """
    ready: list[RunnerDeployment] = []
    problems = []
    for model in models:
        try:
            ready += _deployments(home, model)
        except PixelgateError as error:
            problems.append(f"{model.name} can't be deployed: {error}")
    try:
        _apply(ready, pool)
    except HTTPError as error:
        raise PixelgateError(
            f"The Prefect server did not take the deployments: {str(error).splitlines()[0]}."
            " Run the same command again."
        ) from None
    if problems:
        raise UsageError("\n".join(problems))
    return [f"{each.flow_name}/{each.name}" for each in ready]


def _apply(deployments: Iterable[RunnerDeployment], pool: str) -> None:
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        except ObjectAlreadyExists:
            log.debug("the work pool %s exists", pool)
    for deployment in deployments:
        deployment.apply(work_pool_name=pool)


def _deployments(home: Home, model: InstalledModel) -> Iterator[RunnerDeployment]:
    settings = settings_of(home, model)
    parameters = {"config": settings.model_dump(mode="json")}
    # A second retraining never runs beside the first; one that comes due meanwhile is left out.
    once = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
    yield _deployment(retrain, model, parameters, schedule=_schedule(model), concurrency_limit=once)
    yield _deployment(drill, model, parameters, schedule=_calendar(model, model.drill))
    yield _deployment(
        housekeeping, model, parameters, schedule=_calendar(model, model.housekeeping)
    )
    yield _deployment(gate, model, parameters)
    yield _deployment(score, model, parameters)


def _deployment(
    flow: Flow[..., Any], model: InstalledModel, parameters: dict[str, Any], **options: Any
) -> RunnerDeployment:
    given = {name: value for name, value in options.items() if value is not None}
    return RunnerDeployment.from_flow(
        flow,
        name=model.name,
        parameters=parameters,
        tags=[TAG, model.name],
        description=flow.description,
        enforce_parameter_schema=True,
        entrypoint_type=EntrypointType.MODULE_PATH,
        **given,
    )


def _schedule(model: InstalledModel) -> Schedule | None:
    if model.interval is not None:
        return Interval(model.interval)
    return _calendar(model, model.cron)


def _calendar(model: InstalledModel, cron: str | None) -> Schedule | None:
    return Cron(cron, timezone=model.timezone or "UTC") if cron else None

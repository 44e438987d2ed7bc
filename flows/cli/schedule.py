"""Retrains on a schedule in one process, on the user's Prefect server or on its own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tasks.config.data import existing_data
from tasks.config.installed_models import interval_of
from tasks.errors import SettingsError
from tasks.orchestration.embedded_server import prefect_server
from tasks.runtime.time_zone import choose_time_zone

if TYPE_CHECKING:
    from datetime import timedelta

    from tasks.config.data import DataConfig
    from tasks.config.schema import RetrainConfig

log = logging.getLogger("pixelgate")


def check_schedule(
    data: DataConfig, *, cron: str | None, every: str | None, time_zone: str | None = None
) -> dict[str, Any]:
    """Check the schedule and the data folder, so that a mistake shows before the first run.

    Args:
        data: the data folder must exist.
        cron: five fields, such as "0 2 * * *".
        every: an interval, such as 90s, 30m, 6h or 1d.
        time_zone: of cron, a name of the IANA database; default: this machine's.

    Returns:
        The schedule as Prefect's `serve` takes it: schedule, or interval (a timedelta).

    Raises:
        SettingsError: not exactly one of cron and every, or one that can't be read; or a time zone
            that doesn't exist, or without cron.
        DataFolderError: the data folder is not set or missing.
    """
    existing_data(data)
    if (cron is None) == (every is None):
        raise SettingsError('Give either --cron "0 2 * * *" or --every 6h.')
    if every is not None:
        if time_zone is not None:
            raise SettingsError("--timezone goes with --cron; an interval is the same everywhere.")
        return {"interval": _interval(every)}
    zone = choose_time_zone(time_zone)
    from prefect.client.schemas.schedules import CronSchedule
    from prefect.schedules import Cron
    from pydantic import ValidationError

    try:
        CronSchedule(cron=cron or "")
    except ValidationError:
        raise SettingsError(
            f'--cron must be five fields such as "0 2 * * *". Received: {cron!r}'
        ) from None
    return {"schedule": Cron(cron or "", timezone=zone)}


def serve_schedule(config: RetrainConfig, schedule: dict[str, Any]) -> None:
    """Serve the flow until the process is stopped.

    Every run is a separate process, so that memory doesn't grow from run to run. A run that comes
    due while another is running is cancelled, and the model's lock keeps out those of other
    processes.

    Args:
        config: the parameters of every run.
        schedule: as `check_schedule` returns it.

    Raises:
        PixelgateError: our own Prefect server did not start.
    """
    with prefect_server(dashboard=True) as api_url:
        log.info("Prefect's dashboard: %s", api_url.removesuffix("/api"))
        from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
        from prefect.deployments.runner import EntrypointType

        from flows.retrain import retrain

        log.info(
            "serving retrain/%s %s; stop with Ctrl-C", config.name, describe_schedule(schedule)
        )
        retrain.serve(
            name=config.name,
            parameters={"config": config.model_dump(mode="json")},
            entrypoint_type=EntrypointType.MODULE_PATH,
            limit=1,
            global_limit=ConcurrencyLimitConfig(
                limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
            ),
            print_starting_message=False,
            **schedule,
        )


def _interval(text: str) -> timedelta:
    try:
        return interval_of(text)
    except ValueError as error:
        raise SettingsError(f"--every: {error}") from None


def describe_schedule(schedule: dict[str, Any]) -> str:
    """Return in words when runs start: what `check_schedule` returned."""
    if "interval" in schedule:
        return f"every {schedule['interval']}"
    cron = schedule["schedule"]
    return f'by cron "{cron.cron}", time zone {cron.timezone}'

"""Keeps the retraining on a schedule in one process, on a Prefect server of its own if need be."""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tasks.config.data import existing_data
from tasks.errors import PixelgateError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.config.schema import RetrainConfig

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
START_SECONDS = 180

log = logging.getLogger("pixelgate")


def check_schedule(config: RetrainConfig, *, cron: str | None, every: str | None) -> dict[str, Any]:
    """Check the schedule and the data folder, so that a mistake shows now and not at night.

    Returns:
        The schedule as Prefect's `serve` takes it: cron, or interval (a timedelta).

    Raises:
        SettingsError: not exactly one of cron and every, or one that can't be read.
        DataFolderError: the data folder is not set or missing.
    """
    existing_data(config.data)
    if (cron is None) == (every is None):
        raise SettingsError('Give either --cron "0 2 * * *" or --every 6h.')
    if every is not None:
        return {"interval": _interval(every)}
    from prefect.client.schemas.schedules import CronSchedule
    from pydantic import ValidationError

    try:
        CronSchedule(cron=cron or "")
    except ValidationError:
        raise SettingsError(
            f'--cron must be five fields such as "0 2 * * *". Received: {cron!r}'
        ) from None
    return {"cron": cron}


def serve_schedule(config: RetrainConfig, schedule: dict[str, Any]) -> None:
    """Serve the flow until the process is stopped.

    Every run is a process of its own, so that memory doesn't grow from run to run; a run that comes
    due while one is running is cancelled, and the model's lock holds off those of other processes.
    """
    with _server():
        from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
        from prefect.deployments.runner import EntrypointType

        from flows.retrain import retrain

        log.info("serving retrain/%s %s; stop with Ctrl-C", config.name, _told(schedule))
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
    found = re.fullmatch(r"(\d+)([smhd])", text.strip())
    if not found or int(found[1]) == 0:
        raise SettingsError(f"--every must be a number and s, m, h or d, as 6h. Received: {text!r}")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def _told(schedule: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in schedule.items())


@contextlib.contextmanager
def _server() -> Iterator[None]:
    """Use the server the user named, or run one for as long as we serve."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    if PREFECT_API_URL.value():
        yield
        return
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    server = subprocess.Popen(command)  # noqa: S603 - our own interpreter
    try:
        _wait_for(server, f"{url}/api/health")
        log.info("Prefect server with its dashboard: %s", url)
        with temporary_settings({PREFECT_API_URL: f"{url}/api"}):
            yield
    finally:
        server.terminate()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_for(server: subprocess.Popen[bytes], health: str) -> None:
    """Wait until the server answers.

    Raises:
        PixelgateError: it ended, or did not answer in time.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(health, timeout=5):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise PixelgateError(
        "The Prefect server did not start. Its messages are in the log file; or name a server of"
        " yours in PREFECT_API_URL."
    )

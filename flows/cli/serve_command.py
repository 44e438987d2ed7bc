"""The command that retrains on a schedule."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.options import Config, Data, Home, Name, Set, examples, load_for_run, new_app
from flows.cli.screen import quiet

commands = new_app()


@commands.command(
    epilog=examples(
        'pixelgate serve --data photos/ --cron "0 2 * * *"',
        'pixelgate serve --data photos/ --cron "0 2 * * *" --timezone Europe/Berlin',
        "pixelgate serve --data photos/ --every 6h --config retrain.toml",
    )
)
def serve(  # noqa: PLR0913 - each is a flag
    *,
    data: Data = None,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    cron: Annotated[str | None, typer.Option(help='Cron expression, such as "0 2 * * *".')] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            "--timezone",
            help="Time zone of --cron, such as Europe/Berlin; default: that of this machine.",
        ),
    ] = None,
    every: Annotated[str | None, typer.Option(help="Interval, such as 90s, 30m, 6h or 1d.")] = None,
) -> None:
    """Retrain on a schedule until this process is stopped.

    Uses the Prefect server at PREFECT_API_URL, or starts its own.
    """
    settings = load_for_run(config, assignments, data__directory=data, name=name, home=home)
    # After the settings: it imports Prefect.
    from flows.cli.schedule import check_schedule, serve_schedule

    schedule = check_schedule(settings.data, cron=cron, every=every, time_zone=time_zone)
    with quiet(settings.paths):
        serve_schedule(settings, schedule)

"""The commands of an installation on one machine: up, down, deploy."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Annotated

import typer

from flows.cli.options import Home, examples, load, new_app
from flows.cli.screen import quiet, say
from tasks.runtime.interruption import Interrupted

commands = new_app()

KEEPER_SECONDS = 5.0
POOL = "pixelgate"


@commands.command(
    epilog=examples(
        "pixelgate up",
        "pixelgate up --port 8300 --home /srv/pixelgate",
        "pixelgate up --parallel-runs 1",
    )
)
def up(
    home: Home = None,
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the desk.")] = 8200,
    prefect_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Another one is taken if it is in use.")
    ] = 4200,
    mlflow_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Another one is taken if it is in use.")
    ] = 5000,
    parallel_runs: Annotated[
        int, typer.Option(min=1, help="Runs of different models at once.")
    ] = 2,
) -> None:
    """Run everything on this machine: schedules, Prefect, MLflow, the desk and alarms.

    It retrains the models of `pixelgate models add` and listens on 127.0.0.1 alone. Ctrl-C stops
    all; a run in progress is resumed by the next `pixelgate up`.
    """
    from deployments.installation.installation_services import Installation, Ports, free_port
    from deployments.installation.running import require_down, run_installation
    from tasks.config.installed_models import sound_models
    from tasks.errors import UsageError

    settings, _ = load(None, None, home=home)
    # First: the port is in use by that one.
    require_down(settings.paths)
    models, problems = sound_models(settings.paths)
    for problem in problems:
        say(f"Left out: {problem}")
    if free_port(port) != port:
        raise UsageError(f"Port {port} is in use. Choose another for the desk with --port.")
    installation = Installation(
        settings.paths, Ports(port, free_port(prefect_port), free_port(mlflow_port)), parallel_runs
    )
    if not models:
        say(
            "No model is installed yet: pixelgate models add NAME --data DIR --cron"
            ' "0 2 * * *" adds one, also while this runs.'
        )
    from tasks.registry.embedded_database import ensure_database

    with quiet(settings.paths):
        # Two processes that open a new store at once break it.
        ensure_database(settings.paths)
        # Its usual end is Ctrl-C.
        with contextlib.suppress(KeyboardInterrupt, Interrupted):
            run_installation(installation, say)


@commands.command(epilog=examples("pixelgate down", "pixelgate down --home /srv/pixelgate"))
def down(home: Home = None) -> None:
    """Stop what `pixelgate up` runs, wherever it was started; also what a killed one left."""
    from deployments.installation.up_record import stop_up

    settings, _ = load(None, None, home=home)
    stopped = stop_up(settings.paths)
    say("Stopped." if stopped else f"Nothing is running for {settings.home}.")


@commands.command(
    epilog=examples(
        "pixelgate deploy",
        "pixelgate deploy photos --pool gpu",
        "PREFECT_API_URL=http://prefect:4200/api pixelgate deploy",
    )
)
def deploy(
    names: Annotated[
        list[str] | None, typer.Argument(help="Installed models; default: all of them.")
    ] = None,
    home: Home = None,
    *,
    pool: Annotated[str, typer.Option(help="Work pool, of type process.")] = POOL,
    skip_overdue: Annotated[bool, typer.Option("--skip-overdue", hidden=True)] = False,
) -> None:
    """Deploy the flows of installed models to the Prefect server of PREFECT_API_URL.

    Each has its own deployments, named after it: retraining, data gate, drill, scoring and
    housekeeping, with every setting as a form in Prefect's pages. `pixelgate up` does the same.
    """
    from tasks.config.installed_models import find_model, read_models, sound_models

    settings, _ = load(None, None, home=home)
    paths = settings.paths
    models = [find_model(paths.renamed(name)) for name in names or ()]
    if not models:
        # What is wrong with one file is no reason to leave out the others; `up` has said it.
        models = sound_models(paths)[0] if skip_overdue else read_models(paths)
    from tasks.orchestration.embedded_server import require_server

    # Before the seconds of import that the flows take.
    require_server()
    from flows.cli.deploying import deploy_models
    from tasks.orchestration import prefect_runs

    if skip_overdue:
        prefect_runs.skip_overdue()
    deployed = deploy_models(paths, models, pool=pool)
    typer.echo("\n".join(deployed))
    say(f"Now start a worker: {sys.executable} -m prefect worker start --pool {pool}")


@commands.command(hidden=True)
def keep(home: Home = None) -> None:
    """Look after the installed models: the part of `pixelgate up` that acts."""
    from flows.cli.deploying import deploy_models
    from tasks.orchestration.keeper import Keeper

    settings, _ = load(None, None, home=home)
    paths = settings.paths
    keeper = Keeper(paths, lambda models: deploy_models(paths, models, pool=POOL))
    try:
        with contextlib.suppress(KeyboardInterrupt, Interrupted):
            while True:
                keeper.look()
                time.sleep(KEEPER_SECONDS)
    finally:
        keeper.stop()

"""The command that says whether production is healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Home, Json, Name, examples, load, new_app
from flows.cli.printing import print_json
from tasks.errors import UsageError

if TYPE_CHECKING:
    from tasks.storage.home import Home as Paths

commands = new_app()


@commands.command(
    epilog=examples(
        "pixelgate status",
        "pixelgate status --name photos --late-after 26",
        "pixelgate status --json",
    )
)
def status(
    name: Name = None,
    home: Home = None,
    *,
    late_after: Annotated[
        float | None,
        typer.Option(
            min=0, help="Hours after which a model without a run needs attention.", metavar="HOURS"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether production is healthy, and if not, what to do: one paragraph per model.

    Exit code 0 if all is well, 6 if a model needs attention, 7 if one is failing.
    """
    from tasks.monitoring.model_status import Health, model_statuses, worst_health
    from tasks.monitoring.plain_status import plain_status
    from tasks.monitoring.run_list import list_runs

    settings, _ = load(None, None, name=name, home=home)
    statuses = model_statuses(
        settings.paths, list_runs(settings.paths), late_after_hours=late_after
    )
    known = [each.name for each in statuses]
    if name is not None:
        statuses = [each for each in statuses if each.name == name]
    if not statuses:
        wanted = f"There is no model named {name}" if name is not None else "There is no model"
        others = f" Models there: {', '.join(known)}." if known else ""
        raise UsageError(
            f"{wanted} in {settings.home}.{others} Train one with `pixelgate run --data DIR`, or"
            " name its --home."
        )
    if as_json:
        print_json([plain_status(each) for each in statuses])
    else:
        for each in statuses:
            mark = {Health.HEALTHY: "ok", Health.ATTENTION: "!!", Health.FAILING: "XX"}[each.health]
            typer.echo(f"{mark}  {each.name}: {each.sentence}")
            if each.running:
                typer.echo(f"    Run {each.running} is in progress.")
            if each.action:
                typer.echo(f"    {each.action}")
        show_installation(settings.paths)
    raise typer.Exit(worst_health(statuses).exit_code)


def show_installation(paths: Paths) -> None:
    """Say whether `pixelgate up` runs, where models are installed for it."""
    from deployments.installation.up_record import is_up, read_record
    from tasks.config.installed_models import has_models

    if is_up(paths):
        desk = read_record(paths).get("addresses", {}).get("desk", "it is starting")
        typer.echo(f"up is running: {desk}")
    elif has_models(paths):
        typer.echo("`pixelgate up` is not running: no installed model is retrained.")

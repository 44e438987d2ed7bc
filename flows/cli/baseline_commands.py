"""The commands about the accepted data that later data is compared with."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.data_display import show_baselines
from flows.cli.options import (
    Config,
    Folder,
    Home,
    Json,
    Name,
    Set,
    examples,
    load,
    load_for_run,
    new_app,
)
from flows.cli.screen import quiet, say

commands = new_app(help="The accepted data that later data is compared with.")


@commands.command(
    epilog=examples(
        "pixelgate baseline accept photos/ --reason 'the new cameras are here to stay'",
    )
)
def accept(  # noqa: PLR0913, PLR0917 - each is a flag
    directory: Folder,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    reason: Annotated[str, typer.Option(help="Stored with the baseline.")] = "",
) -> None:
    """Make a folder's present content the baseline, whatever changed since the last one."""
    settings = load_for_run(config, assignments, data__directory=directory, name=name, home=home)
    with quiet(settings.paths):
        from tasks.orchestration.gate_run import accept_data

        accepted = accept_data(settings, reason=reason)
    say(f"baseline of {settings.name}: {accepted.record['files']} files of run "
        f"{accepted.record['run_id']}")  # fmt: skip


@commands.command(epilog=examples("pixelgate baseline show", "pixelgate baseline show --json"))
def show(
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    as_json: Json = False,
) -> None:
    """List the accepted runs that later data is compared with, the newest first."""
    from tasks.validation.baseline import list_baselines

    settings, _ = load(config, assignments, name=name, home=home)
    show_baselines([each.record for each in list_baselines(settings.paths)], as_json=as_json)


@commands.command(epilog=examples("pixelgate baseline reset --name photos"))
def reset(
    config: Config = None, assignments: Set = None, name: Name = None, home: Home = None
) -> None:
    """Move all baselines aside; the next accepted run becomes the first one."""
    from tasks.validation.baseline import reset_baselines

    settings, _ = load(config, assignments, name=name, home=home)
    backup = reset_baselines(settings.paths)
    say("There was no baseline." if backup is None else f"Moved to {backup}")

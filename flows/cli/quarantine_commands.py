"""The commands about quarantined files."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.data_display import show_quarantine
from flows.cli.options import Config, Home, Json, Name, Set, examples, load, new_app
from flows.cli.screen import quiet, say

BY_COMMAND = "cleared on the command line"

commands = new_app(help="Files that were left out of the last run.")


@commands.command(
    name="list", epilog=examples("pixelgate quarantine list", "pixelgate quarantine list --json")
)
def list_(
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    as_json: Json = False,
) -> None:
    """List the files that were left out of the last run, with the rules and the date."""
    from tasks.validation.quarantine import list_quarantine

    settings, _ = load(config, assignments, name=name, home=home)
    show_quarantine(list_quarantine(settings.paths), as_json=as_json)


@commands.command(
    epilog=examples(
        "pixelgate quarantine clear cat/0017.jpg cat/0018.jpg", "pixelgate quarantine clear --all"
    )
)
def clear(  # noqa: PLR0913 - each is a flag
    files: Annotated[
        list[str] | None, typer.Argument(help="Paths as `quarantine list` shows them.")
    ] = None,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every file that can be read.")] = False,
    reason: Annotated[str, typer.Option(help="Kept in the ledger.")] = BY_COMMAND,
) -> None:
    """Use files again although they break a rule, as long as their content stays the same."""
    from tasks.errors import UsageError
    from tasks.runtime.whoami import who_am_i
    from tasks.storage.writable_home import require_writable

    if bool(files) == everything:
        raise UsageError("Name the files to clear, or give --all.")
    settings, _ = load(config, assignments, name=name, home=home)
    require_writable(settings.paths)
    with quiet(settings.paths):
        from tasks.monitoring.actions import Decider, clear_quarantine

        cleared = clear_quarantine(settings.paths, files or [], Decider(who_am_i(), reason))
    say(f"{len(cleared)} files cleared; they are back in the next run.")

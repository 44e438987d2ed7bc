"""The commands about the ledger of decisions."""

from __future__ import annotations

import typer  # noqa: TC002 - typer reads annotations when it runs

from flows.cli.model_display import show_ledger, show_verified
from flows.cli.options import Config, Home, Json, Name, Set, examples, load, new_app
from flows.cli.screen import quiet

commands = new_app(
    help="The decisions about a model's versions: who or what, when, on which evidence.",
    invoke_without_command=True,
)
commands.info.no_args_is_help = False


@commands.callback(epilog=examples("pixelgate ledger", "pixelgate ledger verify --name photos"))
def ledger(  # noqa: PLR0913 - each is a flag
    context: typer.Context,
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    as_json: Json = False,
) -> None:
    """List the decisions about a model's versions, the oldest first."""
    if context.invoked_subcommand is not None:
        return
    settings, _ = load(config, assignments, name=name, home=home)
    with quiet(settings.paths):
        from tasks.registry.decision_ledger import read_ledger
        from tasks.registry.mlflow_store import open_store

        entries = read_ledger(open_store(settings.paths, settings.registry).ledger)
    show_ledger(entries, as_json=as_json)


@commands.command(epilog=examples("pixelgate ledger verify", "pixelgate ledger verify --json"))
def verify(
    config: Config = None,
    assignments: Set = None,
    name: Name = None,
    home: Home = None,
    *,
    as_json: Json = False,
) -> None:
    """Check that no entry was changed, removed, put in or cut off, and that it names the champion.

    Exits with 1 and the line if one was.
    """
    settings, _ = load(config, assignments, name=name, home=home)
    with quiet(settings.paths):
        from tasks.registry.ledger_check import verify_ledger
        from tasks.registry.mlflow_store import open_store

        verified = verify_ledger(open_store(settings.paths, settings.registry))
    show_verified(verified, as_json=as_json)

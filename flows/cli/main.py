"""The command line as a whole: all commands, and errors as messages."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli import (
    alarm_commands,
    backup_commands,
    baseline_commands,
    data_commands,
    desk_command,
    housekeeping_commands,
    installed_commands,
    ledger_commands,
    model_commands,
    quarantine_commands,
    run_commands,
    score_command,
    serve_command,
    status_command,
    tune_command,
    up_commands,
)
from flows.cli.options import new_app
from flows.cli.printing import print_version
from flows.cli.screen import errors_as_messages
from tasks.runtime import environment

app = new_app(
    name="pixelgate",
    help="Scheduled retraining for image classifiers that lets nothing bad through.",
)


@app.callback()
def pixelgate(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Print the release and exit."
        ),
    ] = False,
) -> None:
    """Be the command that the others are part of."""


# Without a name, typer merges the commands of a group into the app, in this order.
for module in (
    run_commands,
    status_command,
    up_commands,
    desk_command,
    model_commands,
    data_commands,
    tune_command,
    score_command,
    serve_command,
    backup_commands,
    housekeeping_commands,
):
    app.add_typer(module.commands)
app.add_typer(installed_commands.commands, name="models")
app.add_typer(alarm_commands.commands, name="alarms")
app.add_typer(baseline_commands.commands, name="baseline")
app.add_typer(ledger_commands.commands, name="ledger")
app.add_typer(quarantine_commands.commands, name="quarantine")


def main() -> None:
    """Run the command line; every end Pixelgate foresees is a message and an exit code."""
    # Before any library is imported: they read these variables at import.
    environment.prepare()
    with errors_as_messages():
        app()


if __name__ == "__main__":
    main()

"""The command line as a whole: every command, and errors as messages."""

from __future__ import annotations

from flows.cli import (
    baseline_commands,
    data_commands,
    quarantine_commands,
    run_commands,
    serve_command,
    tune_command,
)
from flows.cli.options import new_app
from flows.cli.screen import errors_as_messages
from tasks.runtime import environment

app = new_app(
    name="pixelgate",
    help="Scheduled retraining for image classifiers that lets nothing bad through.",
)
for module in (run_commands, data_commands, tune_command, serve_command):
    app.add_typer(module.commands)
app.add_typer(baseline_commands.commands, name="baseline")
app.add_typer(quarantine_commands.commands, name="quarantine")


def main() -> None:
    """Run the command line; every end Pixelgate foresees is a message and an exit code."""
    environment.prepare()
    with errors_as_messages():
        app()


if __name__ == "__main__":
    main()

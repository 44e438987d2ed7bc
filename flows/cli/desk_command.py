"""The command that serves the operations desk."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from flows.cli.options import Home, examples, load, new_app
from flows.cli.screen import say
from tasks.runtime.interruption import Interrupted

commands = new_app()


@commands.command(
    epilog=examples(
        "pixelgate desk",
        "pixelgate desk --port 8200 --late-after 26",
        "pixelgate desk --host 0.0.0.0",
    )
)
def desk(
    home: Home = None,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; any but this machine's own asks for a token."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8200,
    *,
    late_after: Annotated[
        float | None,
        typer.Option(
            min=0, help="Hours after which a model without a run needs attention.", metavar="HOURS"
        ),
    ] = None,
) -> None:
    """Serve the operations desk: is production healthy, and if not, what to do?

    It shows all models of a home. Whoever signs in with the token, whose file is named at the
    start, can promote, roll back, ask for a run and accept data. /metrics is for Prometheus,
    /api/ for programs, /healthz for health checks.
    """
    from deployments.desk.server import serve_desk

    settings, _ = load(None, None, home=home)
    # Its usual end is Ctrl-C, after which nothing is left to resume.
    with contextlib.suppress(KeyboardInterrupt, Interrupted):
        serve_desk(settings.paths, host=host, port=port, late_after_hours=late_after, announce=say)

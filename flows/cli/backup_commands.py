"""The commands that copy what production needs, and put it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Home, examples, load, new_app
from flows.cli.screen import say

commands = new_app()

Archive = Annotated[Path, typer.Argument(help="A .tar file.")]


@commands.command(epilog=examples("pixelgate backup pixelgate.tar"))
def backup(archive: Archive, home: Home = None) -> None:
    """Copy the model store, baselines, splits and decisions of a home to an archive.

    Runs may go on meanwhile. Caches and trainings in progress are left out: they are made again.
    """
    from tasks.storage.backup import back_up

    settings, _ = load(None, None, home=home)
    files = back_up(settings.paths, archive)
    say(f"{files} files of {settings.home} are in {archive}")


@commands.command(epilog=examples("pixelgate restore pixelgate.tar --home /srv/pixelgate"))
def restore(archive: Archive, home: Home = None) -> None:
    """Put a backup into a home; what was there before is renamed, not removed."""
    from tasks.storage.backup import restore as restore_home

    settings, _ = load(None, None, home=home)
    aside = restore_home(settings.paths, archive)
    say(f"{archive} is restored to {settings.home}")
    if aside is not None:
        say(f"The state that was there before is in {aside}")

"""A model goes in; how a person starts a run of it comes out."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tasks.config.installed_models import file_of

if TYPE_CHECKING:
    from tasks.storage.home import Home


def how_to_run(home: Home) -> str:
    """Return how a run of a model is started.

    An installed model has its data, its settings and its deployment: a command that names only a
    folder would retrain it with other settings.

    Args:
        home: of the model.
    """
    if file_of(home).exists():
        return f"press Run now on its page at the desk (/models/{home.name})"
    return f"pixelgate run --data DIR{name_option(home)}"


def name_option(home: Home) -> str:
    """Return the option that names a model on the command line; empty for the default name."""
    return "" if home.name == "pixelgate" else f" --name {shlex.quote(home.name)}"

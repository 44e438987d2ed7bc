"""Imports the user's own models, callbacks and suites, given as package.module:name."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from tasks.errors import SettingsError


def import_by_path(path: str, setting: str) -> Any:
    """Import an object, also from the working directory.

    Args:
        path: package.module:name.
        setting: the setting that holds the path, for the message.

    Raises:
        SettingsError: there is no such module or name.
    """
    module_name, _, name = path.partition(":")
    search_working_directory()
    try:
        return getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(
            f"{setting} = {path} can't be imported ({error}). Expected package.module:name, with"
            " the package on Python's path or in the working directory."
        ) from None


def search_working_directory() -> None:
    """Let Python find modules in the working directory, after everything that is installed."""
    # A console script has its own folder on Python's path, not the working directory. Appended, so
    # that a file there can't shadow a library.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))

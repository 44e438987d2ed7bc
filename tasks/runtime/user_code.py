"""Objects of the user's own: models, callbacks and suites, named as package.module:name."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from tasks.errors import SettingsError


def import_by_path(path: str, setting: str) -> Any:
    """Import the user's object at package.module:name, from the working directory too.

    Raises:
        SettingsError: naming the setting, when there is no such module or name.
    """
    module_name, _, name = path.partition(":")
    # A console script has its own folder on Python's path, not the one it is called in.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        return getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(
            f"{setting} = {path} can't be imported ({error}). Expected package.module:name, with"
            " the package on Python's path or in the working directory."
        ) from None

"""A home goes in; the settings that its model was retrained with come out, with its store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tasks.config.schema import RetrainConfig
from tasks.errors import PixelgateError
from tasks.registry.mlflow_store import open_store
from tasks.runs.run_folder import CONFIG, REGISTRATION, run_number
from tasks.storage.atomic import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.registry.mlflow_store import ModelStore
    from tasks.storage.home import Home


def settings_of(home: Home) -> RetrainConfig:
    """Return the settings of a model's newest run that registered a version.

    Without such a run those of the newest run, and without any run the defaults. A gate alone is
    often started with fewer settings than a run; taken from it, a promotion could miss the golden
    images and the store.

    Raises:
        PixelgateError: they can't be read, so that nobody knows what a promotion must pass.
    """
    folders = list(_folders(home))
    registered = (folder for folder in folders if (folder / REGISTRATION).exists())
    folder = next(registered, folders[0] if folders else None)
    here = {"name": home.name, "home": home.root}
    if folder is None:
        return RetrainConfig.model_validate(here)
    plain: dict[str, Any] = home.shown(read_json(folder / CONFIG))
    try:
        return RetrainConfig.model_validate(plain | here)
    except ValidationError as error:
        first = error.errors()[0]
        setting = ".".join(map(str, first["loc"]))
        raise PixelgateError(
            f"The settings of run {folder.name} are not those of this release ({setting}:"
            f" {first['msg']}), so what a decision must pass is unknown. Decide on the command"
            " line, with --config, or retrain first."
        ) from None


def store_of(settings: RetrainConfig) -> ModelStore:
    """Return the store of a model's versions."""
    return open_store(settings.paths, settings.registry)


def _folders(home: Home) -> Iterator[Path]:
    """Yield the folders of a model's runs, the newest first."""
    folders = [file.parent for file in home.runs.glob(f"*/{CONFIG}")]
    for folder in sorted(folders, key=lambda each: (run_number(each), each.name), reverse=True):
        try:
            name = read_json(folder / CONFIG).get("name")
        except (PixelgateError, OSError, ValueError, AttributeError):
            # One torn file of another run must not stand in the way.
            continue
        if name == home.name:
            yield folder

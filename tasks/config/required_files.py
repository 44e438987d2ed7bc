"""Settings go in; an error comes out at once where a file or folder they name is missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tasks.config.data import existing_data
from tasks.errors import DataFolderError, SettingsError
from tasks.runtime.pretrained_weights import NOT_INSTALLED, find_checkpoint

if TYPE_CHECKING:
    from tasks.config.schema import RetrainConfig


def require_files(config: RetrainConfig) -> None:
    """Check what a run will read, before the seconds of import and start-up.

    Not a part of the settings' own checks: these run on a Prefect server too, which may have no
    such files.

    Raises:
        DataFolderError: no data folder is set, or it or the manifest doesn't exist.
        SettingsError: the file of weights or of a suite, or the golden folder, doesn't exist.
    """
    existing_data(config.data)
    manifest = config.data.manifest
    if manifest is not None and not manifest.exists():
        raise DataFolderError(f"No such manifest: {manifest}. Check data.manifest.")
    weights = config.training.weights
    if isinstance(weights, Path) and not weights.is_file():
        raise SettingsError(f"training.weights = {weights}: there is no such file.")
    if config.training.is_pretrained and find_checkpoint() is None:
        raise SettingsError(NOT_INSTALLED)
    golden = config.evaluation.golden_dir
    if golden is not None and not golden.is_dir():
        raise SettingsError(f"evaluation.golden_dir = {golden}: there is no such folder.")
    for suite in config.gate.suites:
        if suite.endswith(".json") and not Path(suite).is_file():
            raise SettingsError(f"gate.suites: no file at {Path(suite).absolute()}.")

"""Rows of an inventory go in; what else the manifest says of these images comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.config.data import data_root, existing_data
from tasks.errors import DataFolderError, SettingsError
from tasks.inventory.columns import PATH
from tasks.inventory.manifests import read_properties

if TYPE_CHECKING:
    import pandas as pd

    from tasks.config.schema import RetrainConfig


def properties_of(images: pd.DataFrame, config: RetrainConfig) -> pd.DataFrame | None:
    """Return the columns of `evaluation.slice_by`, in the order of the images.

    Raises:
        SettingsError: there is no manifest, or it has no such column.
    """
    names = config.evaluation.slice_by
    if not names:
        return None
    manifest = config.data.manifest or existing_data(config.data)
    if manifest.is_dir():
        raise SettingsError(
            "evaluation.slice_by names columns of a manifest, and the data has none. Set"
            " data.manifest, or evaluation.slice_by = []."
        )
    columns = {str(ours): theirs for ours, theirs in config.data.columns.items()}
    try:
        table = read_properties(manifest, data_root(config.data), names, columns)
    except DataFolderError as error:
        raise SettingsError(f"evaluation.slice_by: {error}") from None
    return table.reindex(images[PATH]).set_index(images.index)

"""Where the images are, and how their labels and splits are read."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads annotations when it runs
from typing import Annotated, Literal

from pydantic import Field

from tasks.config.base import Fraction, Part, Positive
from tasks.errors import DataFolderError


class DataConfig(Part):
    """Where the images are and how their labels and splits are read."""

    directory: Path | None = Field(
        None, description="Folder of images, or a CSV or Parquet manifest (path, label, split)."
    )
    layout: Literal["auto", "class", "split", "flat", "manifest"] = Field(
        "auto",
        description="class/file, split/class/file, flat files named by label_pattern, a manifest,"
        " or auto: told from the folder itself.",
    )
    label_pattern: str | None = Field(
        None,
        description="Regular expression with a group named `label`, searched in the relative path."
        r" Example: ^(?P<label>[a-z]+)_\d+",
    )
    manifest: Path | None = Field(
        None, description="CSV or Parquet with columns path, label and optionally split."
    )
    test_fraction: Fraction = Field(
        0.2, description="Share of images kept for testing where the data has no test split."
    )
    validation_fraction: Fraction = Field(
        0.1, description="Share of the training images kept for validation where there is none."
    )
    near_duplicates: Annotated[float, Field(gt=0.9, lt=1)] | None = Field(
        0.997,
        description="Two images are near-duplicates from this correlation of their thumbnails on,"
        " if their pixels confirm it; they share a split. None: only exact copies do.",
    )
    max_pixels: Positive = Field(
        50_000_000,
        description="An image with more pixels than this is never expanded in memory (a bomb).",
    )
    workers: Positive | None = Field(
        None, description="Processes that read images; by default one a core."
    )


def existing_data(settings: DataConfig) -> Path:
    """Return the data folder, or the manifest in its place.

    Raises:
        DataFolderError: none is set, or it is missing.
    """
    directory = settings.directory
    if directory is None and settings.manifest is not None:
        directory = settings.manifest.parent
    if directory is None:
        raise DataFolderError("No data folder is set. Give --data DIR or set data.directory.")
    if not directory.exists():
        raise DataFolderError(f"No such data folder: {directory}. Check --data (data.directory).")
    return directory

"""Pictures and the champion go in; a label for each comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.errors import DataFolderError
from tasks.evaluation import PREDICTED, PROBABILITY, predict_labels
from tasks.inventory.columns import ERROR, PATH
from tasks.inventory.listing import list_files
from tasks.inventory.pictures import reason_of
from tasks.progress import track
from tasks.registry.champion import require_champion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tasks.config import RetrainConfig
    from tasks.registry.champion import Champion

BATCH = 512


def predict_files(images: Sequence[Path], config: RetrainConfig) -> pd.DataFrame:
    """Name the class of each picture with the model in production.

    Args:
        images: picture files, and folders whose pictures are meant.
        config: name, home and the limit of pixels.

    Returns:
        A frame with path, predicted, probability and error, a row a picture; a file that can't be
        read has only its path and the reason.

    Raises:
        DataFolderError: there is no such file or folder, or a folder has no pictures.
        NoChampionError: no model is in production.
    """
    files = [file for image in images for file in _pictures_of(image)]
    champion = require_champion(config)
    batches = [files[start : start + BATCH] for start in range(0, len(files), BATCH)]
    tables = [
        _predict(batch, champion, config.data.max_pixels)
        for batch in track(batches, total=len(files), description="predict")
    ]
    return pd.concat(tables, ignore_index=True)


def _pictures_of(image: Path) -> list[Path]:
    if image.is_dir():
        files = [image / path for path in list_files(image).paths]
        if not files:
            raise DataFolderError(f"No pictures under {image}.")
        return files
    if not image.exists():
        raise DataFolderError(f"No such picture or folder: {image}.")
    return [image]


def _predict(files: Sequence[Path], champion: Champion, max_pixels: int) -> pd.DataFrame:
    pictures: list[np.ndarray] = []
    errors: list[str | None] = []
    for file in files:
        try:
            pictures.append(_decode(file, champion, max_pixels))
            errors.append(None)
        except Exception as error:  # noqa: BLE001 - decoders raise anything on damaged bytes
            errors.append(reason_of(error))
    table = pd.DataFrame({PATH: [str(file) for file in files], ERROR: errors})
    read = table[ERROR].isna()
    answers = pd.DataFrame({PREDICTED: [], PROBABILITY: []})
    if pictures:
        answers = predict_labels(champion.model, champion.contract, np.stack(pictures))
    answers.index = table.index[read]
    return table.join(answers)[[PATH, PREDICTED, PROBABILITY, ERROR]]


def _decode(file: Path, champion: Champion, max_pixels: int) -> np.ndarray:
    if not file.is_file():
        raise ValueError("not a regular file (a pipe, socket or device); not opened")
    return champion.contract.decoding.decode(file.read_bytes(), max_pixels)

"""Builds the inputs of a training: decodes an inventory's images once and indexes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.config.training import AUTO
from tasks.errors import DataFolderError
from tasks.generators.decode_cache import Source, decode_once
from tasks.generators.decoding import decoding_of
from tasks.generators.input_contract import choose_contract
from tasks.inventory.columns import LABEL, PATH, SPLIT, SPLITS, TRAIN, readable
from tasks.inventory.input_choice import with_chosen_model
from tasks.inventory.scan import root_of
from tasks.inventory.value_ranges import describe_value_range
from tasks.storage.atomic import write_parquet

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tasks.config.data import DataConfig
    from tasks.config.generators import GeneratorConfig
    from tasks.config.schema import RetrainConfig
    from tasks.config.training import TrainingConfig
    from tasks.models.contract import InputContract
    from tasks.storage.home import Home

TARGET = "target"
SAMPLE = 64
# A step costs a fixed time, which large batches share; but a small set needs some steps per epoch
# to learn anything at all.
SMALLEST_BATCH, LARGEST_BATCH, MIN_STEPS = 16, 128, 10


@dataclass(frozen=True)
class Inputs:
    """Where the decoded images are and how they are fed to a model; opened by `pipelines`.

    Attributes:
        pixels: .npy, (images, height, width, channels) uint8.
        index: Parquet with path, split, label and target; one row per image, in the same order.
        contract: shape and classes.
        settings: batch size and augmentation.
        counts: number of images per split.
        reason: why the input has its size, in words.
        scaling: which values of more than 8 bits were found and what is lost of them; None if none.
        model: the name of the model that it was chosen for.
    """

    pixels: Path
    index: Path
    contract: InputContract
    settings: GeneratorConfig
    counts: dict[str, int]
    reason: str = ""
    scaling: str | None = None
    model: str = AUTO

    def with_model(self, training: TrainingConfig) -> TrainingConfig:
        """Return the settings of a training with the model's name in place of auto."""
        if training.model != AUTO:
            return training
        return training.model_copy(update={"model": self.model})

    @property
    def batch_size(self) -> int:
        """Images per training step: as set, or as suits the number of training images."""
        suited = self.counts[TRAIN] // MIN_STEPS
        return self.settings.batch_size or min(LARGEST_BATCH, max(SMALLEST_BATCH, suited))

    @property
    def description(self) -> str:
        """What the model is fed and why, and how many images there are of it, in one line."""
        contract = self.contract
        counts = ", ".join(f"{count} {split}" for split, count in self.counts.items())
        return (
            f"input of {contract.height} x {contract.width} pixels ({self.reason}),"
            f" {contract.color_mode}; {counts}" + (f"; {self.scaling}" if self.scaling else "")
        )


def build_inputs(inventory: pd.DataFrame, config: RetrainConfig, *, directory: Path) -> Inputs:
    """Choose the model's input, decode every readable image once, and index the images.

    Args:
        inventory: as `take_inventory` returns it; rows with an error or no label are left out.
        config: data, generators and home.
        directory: of the run; the index is written there.

    Raises:
        DataFolderError: a split has no images, or there are fewer than two classes.
        SettingsError: class_mode is binary and there are more than two classes.
        ImagesChangedError: a file changed since the inventory.
    """
    images = readable(inventory)
    counts = _count_splits(images)
    # A run has chosen by now; a search, whose trials may each name a model, has not.
    config, choice = with_chosen_model(config, images)
    contract, reason = choose_contract(images, config.generators, model=choice.model)
    pixels = decode_for(contract, images, config.data, config.paths)
    targets = images[LABEL].map({label: n for n, label in enumerate(contract.classes)})
    index = images[[PATH, SPLIT, LABEL]].assign(**{TARGET: targets.astype("int32")})
    return Inputs(
        pixels=pixels,
        index=write_parquet(directory / "index.parquet", index),
        contract=contract,
        settings=config.generators,
        counts=counts,
        reason=reason,
        scaling=describe_value_range(images, contract.value_range),
        model=choice.model,
    )


def decode_for(
    contract: InputContract, images: pd.DataFrame, settings: DataConfig, home: Home
) -> Path:
    """Decode the images of a contract's model; see `decode_cache.decode_once`.

    Args:
        contract: what the model is fed.
        images: readable rows of an inventory.
        settings: the limit of pixels and the number of processes.
        home: holds the decode cache.

    Returns:
        Path of a .npy file: (images, height, width, channels) uint8.
    """
    source = Source(root_of(images), settings.max_pixels, settings.workers)
    return decode_once(images, decoding_of(contract), source, folder=home.decoded)


def sample_images(inputs: Inputs) -> np.ndarray:
    """Return some images, evenly spread over the set: (images, height, width, channels) uint8."""
    images = np.load(inputs.pixels, mmap_mode="r")
    return np.asarray(images[:: max(1, len(images) // SAMPLE)])


def split_images(inputs: Inputs, split: str, *, most: int) -> np.ndarray:
    """Return images of a split, evenly spread over it.

    Args:
        inputs: as `build_inputs` returned them.
        split: train, validation or test.
        most: how many at most.

    Returns:
        (images, height, width, channels) uint8.
    """
    import pandas as pd

    splits = pd.read_parquet(inputs.index, columns=[SPLIT])[SPLIT]
    rows = np.flatnonzero(splits == split)
    chosen = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int)]
    return np.asarray(np.load(inputs.pixels, mmap_mode="r")[chosen])


def _count_splits(images: pd.DataFrame) -> dict[str, int]:
    counts = images[SPLIT].value_counts().reindex(SPLITS, fill_value=0)
    for split, count in counts.items():
        if count == 0:
            raise DataFolderError(
                f"No images in the {split} split. Add some, or raise data.test_fraction or"
                " data.validation_fraction."
            )
    return {str(split): int(count) for split, count in counts.items()}

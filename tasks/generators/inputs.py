"""The generators stage: an inventory and settings go in; what opens the pipelines comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.errors import DataFolderError, SettingsError
from tasks.generators.decode_cache import Source, decode_once
from tasks.generators.decoding import Decoding, decoding_of
from tasks.inventory.columns import (
    CHANNELS,
    HEIGHT,
    LABEL,
    MODE,
    PATH,
    SPLIT,
    SPLITS,
    TRAIN,
    WIDTH,
    readable,
)
from tasks.inventory.scan import root_of
from tasks.models.contract import InputContract
from tasks.storage.atomic import write_parquet

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tasks.config.generators import GeneratorConfig
    from tasks.config.schema import RetrainConfig

COLOR_MODE_OF = {"1": "grayscale", "L": "grayscale", "LA": "grayscale", "F": "grayscale"}
TARGET = "target"
SAMPLE = 64
SMALLEST_BATCH, LARGEST_BATCH, STEPS_WANTED = 16, 128, 10


@dataclass(frozen=True)
class Inputs:
    """Where the decoded images are and how they are fed; opened by `pipelines`.

    Attributes:
        pixels: .npy, (images, height, width, channels) uint8.
        index: Parquet with path, split, label and target, a row an image, in the same order.
        contract: shape and classes.
        settings: batch size and augmentation.
        counts: images a split.
    """

    pixels: Path
    index: Path
    contract: InputContract
    settings: GeneratorConfig
    counts: dict[str, int]

    @property
    def batch_size(self) -> int:
        """Images a training step, as set or as suits the number of training images."""
        suited = self.counts[TRAIN] // STEPS_WANTED
        return self.settings.batch_size or min(LARGEST_BATCH, max(SMALLEST_BATCH, suited))


def build_inputs(inventory: pd.DataFrame, config: RetrainConfig, *, directory: Path) -> Inputs:
    """Settle the model's input, decode every readable image once, and index it.

    Args:
        inventory: as `take_inventory` returns it; rows with an error or no label are left out.
        config: the generators part and the state folder.
        directory: of the run; the index is written there.

    Raises:
        DataFolderError: a split has no images, or there are fewer than two classes.
        SettingsError: class_mode binary with more or fewer than two classes.
        ImagesChangedError: a file changed since the inventory.
    """
    images = readable(inventory)
    contract = choose_contract(images, config.generators)
    counts = images[SPLIT].value_counts().reindex(SPLITS, fill_value=0)
    for split, count in counts.items():
        if count == 0:
            raise DataFolderError(
                f"No images in the {split} split. Add some, or raise data.test_fraction or"
                " data.validation_fraction."
            )
    pixels = decode_for(contract, images, config)
    targets = images[LABEL].map({label: n for n, label in enumerate(contract.classes)})
    index = images[[PATH, SPLIT, LABEL]].assign(**{TARGET: targets.astype("int32")})
    return Inputs(
        pixels=pixels,
        index=write_parquet(directory / "index.parquet", index),
        contract=contract,
        settings=config.generators,
        counts={str(split): int(count) for split, count in counts.items()},
    )


def decode_for(contract: InputContract, images: pd.DataFrame, config: RetrainConfig) -> Path:
    """Decode readable rows of an inventory as a contract says; see `cache.decode_once`."""
    source = Source(root_of(images), config.data.max_pixels, config.data.workers)
    return decode_once(images, decoding_of(contract), source, folder=config.paths.decoded)


def sample_images(inputs: Inputs) -> np.ndarray:
    """Return some images of the set, evenly spread over it: (images, h, w, c) uint8."""
    images = np.load(inputs.pixels, mmap_mode="r")
    return np.asarray(images[:: max(1, len(images) // SAMPLE)])


def choose_contract(images: pd.DataFrame, settings: GeneratorConfig) -> InputContract:
    """Choose size and colour mode where the settings leave them to the data.

    Args:
        images: readable rows of an inventory.
        settings: target_size and color_mode, where set, win.

    Raises:
        DataFolderError: there are fewer than two classes.
        SettingsError: class_mode binary without exactly two classes.
    """
    classes = tuple(sorted(set(images[LABEL])))
    if len(classes) < 2:  # noqa: PLR2004 - a choice needs two
        raise DataFolderError(f"A classifier needs two classes or more. Found: {list(classes)}")
    if settings.class_mode == "binary" and len(classes) != 2:  # noqa: PLR2004 - this or that
        raise SettingsError(
            f"generators.class_mode = binary needs exactly two classes. Found {len(classes)}; use"
            " categorical."
        )
    decoding = choose_decoding(images[images[SPLIT] == TRAIN], settings)
    return InputContract(
        classes=classes,
        height=decoding.size[0],
        width=decoding.size[1],
        color_mode=decoding.color_mode,
        class_mode=settings.class_mode,
        resize=decoding.resize,
    )


def choose_decoding(images: pd.DataFrame, settings: GeneratorConfig) -> Decoding:
    """Choose size and colour mode as most of the images have them, where they are not set.

    Args:
        images: height, width, mode and channels of those to choose by.
        settings: target_size, color_mode and resize.
    """
    height, width = settings.target_size or _most_frequent(images, [HEIGHT, WIDTH])
    color_mode = settings.color_mode or _dominant_color_mode(images)
    return Decoding((int(height), int(width)), color_mode, settings.resize)


def _most_frequent(images: pd.DataFrame, columns: list[str]) -> tuple[Any, ...]:
    found: tuple[Any, ...] = images.value_counts(columns).index[0]
    return found


def _dominant_color_mode(images: pd.DataFrame) -> str:
    mode, _ = _most_frequent(images, [MODE, CHANNELS])
    if mode.startswith("I"):
        return "grayscale"
    return COLOR_MODE_OF.get(mode, "rgba" if mode == "RGBA" else "rgb")

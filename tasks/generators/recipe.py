"""The generators stage: an inventory and settings go in; what opens the pipelines comes out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tasks.errors import DataFolderError, SettingsError
from tasks.files import write_parquet
from tasks.generators.cache import Source, decode_once
from tasks.generators.decoding import CHANNELS, Decoding
from tasks.inventory.columns import (
    CHANNELS as CHANNELS_COLUMN,
)
from tasks.inventory.columns import (
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

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tasks.config import GeneratorConfig, RetrainConfig

COLOR_MODE_OF = {"1": "grayscale", "L": "grayscale", "LA": "grayscale", "F": "grayscale"}
TARGET = "target"
SMALLEST_BATCH, LARGEST_BATCH, STEPS_WANTED = 16, 128, 10


@dataclass(frozen=True)
class InputContract:
    """What a model must be fed and what its answers mean; registered with the model.

    Attributes:
        classes: labels in the order of the model's outputs.
        height: of the input, pixels.
        width: of the input, pixels.
        color_mode: grayscale, rgb or rgba.
        class_mode: categorical, sparse or binary.
        resize: stretch, pad, crop or center_crop.
    """

    classes: tuple[str, ...]
    height: int
    width: int
    color_mode: str
    class_mode: str
    resize: str = "stretch"

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.height, self.width

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one input: (height, width, channels)."""
        return self.height, self.width, CHANNELS[self.color_mode]

    @property
    def decoding(self) -> Decoding:
        """How files become such inputs."""
        return Decoding(self.size, self.color_mode, self.resize)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self) | {"classes": list(self.classes)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> InputContract:
        """Read what `as_dict` returned."""
        return cls(**plain | {"classes": tuple(plain["classes"])})


@dataclass(frozen=True)
class Inputs:
    """Where the decoded pictures are and how they are fed; opened by `pipelines`.

    Attributes:
        pixels: .npy, (pictures, height, width, channels) uint8.
        index: Parquet with path, split, label and target, a row a picture, in the same order.
        contract: shape and classes.
        settings: batch size and augmentation.
        counts: pictures a split.
    """

    pixels: Path
    index: Path
    contract: InputContract
    settings: GeneratorConfig
    counts: dict[str, int]

    @property
    def batch_size(self) -> int:
        """Pictures a training step, as set or as suits the number of training pictures."""
        suited = self.counts[TRAIN] // STEPS_WANTED
        return self.settings.batch_size or min(LARGEST_BATCH, max(SMALLEST_BATCH, suited))


def build_inputs(inventory: pd.DataFrame, config: RetrainConfig, *, directory: Path) -> Inputs:
    """Settle the model's input, decode every readable picture once, and index it.

    Args:
        inventory: as `take_inventory` returns it; rows with an error or no label are left out.
        config: the generators part and the state folder.
        directory: of the run; the index is written there.

    Raises:
        DataFolderError: a split has no pictures, or there are fewer than two classes.
        SettingsError: class_mode binary with more or fewer than two classes.
        PicturesChangedError: a file changed since the inventory.
    """
    pictures = readable(inventory)
    contract = settle_contract(pictures, config.generators)
    counts = pictures[SPLIT].value_counts().reindex(SPLITS, fill_value=0)
    for split, count in counts.items():
        if count == 0:
            raise DataFolderError(
                f"No pictures in the {split} split. Add some, or raise data.test_fraction or"
                " data.validation_fraction."
            )
    pixels = decode_for(contract, pictures, config)
    targets = pictures[LABEL].map({label: n for n, label in enumerate(contract.classes)})
    index = pictures[[PATH, SPLIT, LABEL]].assign(**{TARGET: targets.astype("int32")})
    return Inputs(
        pixels=pixels,
        index=write_parquet(directory / "index.parquet", index),
        contract=contract,
        settings=config.generators,
        counts={str(split): int(count) for split, count in counts.items()},
    )


def decode_for(contract: InputContract, pictures: pd.DataFrame, config: RetrainConfig) -> Path:
    """Decode readable rows of an inventory as a contract says; see `cache.decode_once`."""
    source = Source(root_of(pictures), config.data.max_pixels, config.data.workers)
    return decode_once(pictures, contract.decoding, source, folder=config.state / "decoded")


def settle_contract(pictures: pd.DataFrame, settings: GeneratorConfig) -> InputContract:
    """Choose size and colour mode where the settings leave them to the data.

    Args:
        pictures: readable rows of an inventory.
        settings: target_size and color_mode, where set, win.

    Raises:
        DataFolderError: there are fewer than two classes.
        SettingsError: class_mode binary without exactly two classes.
    """
    classes = tuple(sorted(set(pictures[LABEL])))
    if len(classes) < 2:  # noqa: PLR2004 - a choice needs two
        raise DataFolderError(f"A classifier needs two classes or more. Found: {list(classes)}")
    if settings.class_mode == "binary" and len(classes) != 2:  # noqa: PLR2004 - this or that
        raise SettingsError(
            f"generators.class_mode = binary needs exactly two classes. Found {len(classes)}; use"
            " categorical."
        )
    decoding = settle_decoding(pictures[pictures[SPLIT] == TRAIN], settings)
    return InputContract(
        classes=classes,
        height=decoding.size[0],
        width=decoding.size[1],
        color_mode=decoding.color_mode,
        class_mode=settings.class_mode,
        resize=decoding.resize,
    )


def settle_decoding(pictures: pd.DataFrame, settings: GeneratorConfig) -> Decoding:
    """Choose size and colour mode as most of the pictures have them, where they are not set.

    Args:
        pictures: height, width, mode and channels of those to choose by.
        settings: target_size, color_mode and resize.
    """
    height, width = settings.target_size or _most_frequent(pictures, [HEIGHT, WIDTH])
    color_mode = settings.color_mode or _dominant_color_mode(pictures)
    return Decoding((int(height), int(width)), color_mode, settings.resize)


def _most_frequent(pictures: pd.DataFrame, columns: list[str]) -> tuple[Any, ...]:
    found: tuple[Any, ...] = pictures.value_counts(columns).index[0]
    return found


def _dominant_color_mode(pictures: pd.DataFrame) -> str:
    mode, _ = _most_frequent(pictures, [MODE, CHANNELS_COLUMN])
    if mode.startswith("I"):
        return "grayscale"
    return COLOR_MODE_OF.get(mode, "rgba" if mode == "RGBA" else "rgb")

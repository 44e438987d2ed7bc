"""RetrainConfig: the one typed place for every setting, a part for each stage.

Defaults and their meaning are written here and nowhere else: `pixelgate config`, the form in the
Prefect UI and the documentation are made from these fields.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.parts import Fraction, Part, Positive, Size
from tasks.training.settings import TrainingConfig
from tasks.validation.settings import GateConfig


class DataConfig(Part):
    """Where the pictures are and how their labels and splits are read."""

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
        0.2, description="Share of pictures kept for testing where the data has no test split."
    )
    validation_fraction: Fraction = Field(
        0.1, description="Share of the training pictures kept for validation where there is none."
    )
    near_duplicates: Annotated[float, Field(gt=0.9, lt=1)] | None = Field(
        0.997,
        description="Two pictures are near-duplicates from this correlation of their thumbnails on,"
        " if their pixels confirm it; they share a split. None: only exact copies do.",
    )
    max_pixels: Positive = Field(
        50_000_000,
        description="A picture with more pixels than this is never expanded in memory (a bomb).",
    )
    workers: Positive | None = Field(
        None, description="Processes that read pictures; by default one a core."
    )


# Whole pixels blur nothing; the integer comes first so that "2" of the environment is one.
ShiftRange = (
    Annotated[int, Field(ge=0)]
    | Annotated[float, Field(ge=0)]
    | Annotated[tuple[float, ...], Field(min_length=1)]
)


class GeneratorConfig(Part):
    """What the model is fed; the names and meanings are those of Keras' ImageDataGenerator."""

    target_size: Size | None = Field(
        None, description="Height and width of the model's input, pixels; default: most frequent."
    )
    color_mode: Literal["grayscale", "rgb", "rgba"] | None = Field(
        None, description="Channels of the model's input; default: what most pictures have."
    )
    class_mode: Literal["categorical", "sparse", "binary"] = Field(
        "categorical", description="Targets: one-hot vectors, class numbers, or 0/1 of two classes."
    )
    batch_size: Positive | None = Field(
        None,
        description="Pictures a training step; default: 128, for small sets as few as give ten"
        " steps an epoch, but at least 16.",
    )
    rescale: float | None = Field(
        1 / 255, description="Factor on the pixel values; a layer of the model itself. None: 1."
    )
    rotation_range: Annotated[float, Field(ge=0, le=180)] = Field(
        8.0, description="Random rotation of up to this many degrees either way."
    )
    width_shift_range: ShiftRange = Field(
        0.08,
        description="Random horizontal shift. A float: a share of the width below 1, else pixels;"
        " an integer n: whole pixels below n; a list: one of these, either way.",
    )
    height_shift_range: ShiftRange = Field(
        0.08, description="Random vertical shift, as width_shift_range."
    )
    zoom_range: Annotated[float, Field(ge=0, lt=1)] | tuple[float, float] = Field(
        0.08, description="Random zoom in [1 - z, 1 + z], or in [lower, upper]; each axis its own."
    )
    horizontal_flip: bool = Field(
        default=False, description="Mirror half of the pictures; off, as it can change a label."
    )
    vertical_flip: bool = Field(
        default=False,
        description="Turn half of the pictures upside down; off, as it can change a label.",
    )
    brightness_range: tuple[float, float] | None = Field(
        None, description="Random factor on the pixel values, [lower, upper]."
    )
    resize: Literal["stretch", "pad", "crop", "center_crop"] = Field(
        "stretch",
        description="How a picture of another size becomes target_size, anti-aliased: stretch; pad"
        " (whole, black borders); crop (filled, what is over cut off); center_crop (the middle,"
        " not scaled unless it is smaller).",
    )
    fill_mode: Literal["constant", "nearest", "reflect", "wrap"] = Field(
        "nearest", description="How points outside the picture are filled."
    )
    cval: Annotated[float, Field(ge=0, le=255)] = Field(
        0.0, description="Value of those points when fill_mode is constant."
    )

    @model_validator(mode="after")
    def _ranges_run_upwards(self) -> Self:
        for name in ("zoom_range", "brightness_range"):
            value = getattr(self, name)
            if isinstance(value, tuple) and not 0 < value[0] <= value[1]:
                raise ValueError(f"{name} must be 0 < lower <= upper. Received: {list(value)}")
        return self


class EvaluationConfig(Part):
    """How the test split is read."""

    confidence_level: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.95, description="Of the accuracy's interval (Wilson)."
    )
    mistakes_shown: Positive = Field(
        40, description="Misclassified pictures shown, the most confident first."
    )


class RegistryConfig(Part):
    """The model gate: what a model must show before it becomes champion."""

    tracking_uri: str | None = Field(
        None, description="MLflow tracking URI; default: an SQLite file under home."
    )
    min_accuracy: Annotated[float, Field(ge=0, le=1)] = Field(
        0.5, description="Floor: the lowest test accuracy a champion may have."
    )
    max_accuracy_drop: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="How far below the champion's accuracy a new champion may stay."
    )


class NotifyConfig(Part):
    """Who is told how a run ended."""

    on_outcome: str | None = Field(
        None,
        description="A command (the summary is its standard input) or an http(s) URL (the summary"
        " is posted), as JSON.",
    )
    outcomes: list[
        Literal[
            "promoted",
            "kept_champion",
            "unchanged",
            "worker_done",
            "data_rejected",
            "model_rejected",
            "failed",
        ]
    ] = Field(
        ["data_rejected", "model_rejected", "failed"],
        description="The outcomes on_outcome is called for.",
    )
    timeout: Annotated[float, Field(gt=0)] = Field(
        30.0, description="Seconds the command or the URL may take."
    )


class RetrainConfig(Part):
    """Everything one retraining needs to know."""

    name: str = Field(
        "pixelgate",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        description="Name of the registered model.",
    )
    home: Path = Field(
        Path(".pixelgate"), description="Folder of runs/ (evidence) and state/ (what runs share)."
    )
    seed: int = Field(42, description="Of the split, the weights, the order and the augmentation.")
    force: bool = Field(
        default=False,
        description="Train although data, settings and code are those of the last run.",
    )
    data: DataConfig = DataConfig()
    gate: GateConfig = GateConfig()
    generators: GeneratorConfig = GeneratorConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    registry: RegistryConfig = RegistryConfig()
    notify: NotifyConfig = NotifyConfig()

    @model_validator(mode="after")
    def _flips_are_named(self) -> Self:
        flips = self.generators.horizontal_flip or self.generators.vertical_flip
        if self.training.test_time_augmentation and not flips:
            raise ValueError(
                "training.test_time_augmentation averages over flipped copies: set"
                " generators.horizontal_flip or generators.vertical_flip too, if a flipped picture"
                " keeps its label"
            )
        return self

    @property
    def state(self) -> Path:
        """Folder of what runs share."""
        return self.home / "state"

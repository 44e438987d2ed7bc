"""What the model is fed: size, colour, augmentation."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.config.base import Part, Positive, Size

# Whole pixels blur nothing; the integer comes first so that "2" from the environment is one.
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
        None, description="Channels of the model's input; default: what most images have."
    )
    class_mode: Literal["categorical", "sparse", "binary"] = Field(
        "categorical", description="Targets: one-hot vectors, class numbers, or 0/1 of two classes."
    )
    batch_size: Positive | None = Field(
        None,
        description="Images a training step; default: 128, for small sets as few as give ten"
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
        default=False, description="Mirror half of the images; off, as it can change a label."
    )
    vertical_flip: bool = Field(
        default=False,
        description="Turn half of the images upside down; off, as it can change a label.",
    )
    brightness_range: tuple[float, float] | None = Field(
        None, description="Random factor on the pixel values, [lower, upper]."
    )
    resize: Literal["stretch", "pad", "crop", "center_crop"] = Field(
        "stretch",
        description="How an image of another size becomes target_size, anti-aliased: stretch; pad"
        " (whole, black borders); crop (filled, what is over cut off); center_crop (the middle,"
        " not scaled unless it is smaller).",
    )
    fill_mode: Literal["constant", "nearest", "reflect", "wrap"] = Field(
        "nearest", description="How points outside the image are filled."
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

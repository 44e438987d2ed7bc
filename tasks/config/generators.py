"""The settings of the generators: input size, colour, augmentation."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.config.base import Part, Positive, Size

# Shifts by whole pixels don't blur. The integer comes first, so that "2" from the environment is
# an integer too.
ShiftRange = (
    Annotated[int, Field(ge=0)]
    | Annotated[float, Field(ge=0)]
    | Annotated[tuple[float, ...], Field(min_length=1)]
)


class GeneratorConfig(Part):
    """The model's input; names and meanings are those of Keras' ImageDataGenerator."""

    target_size: Size | None = Field(
        None,
        description="Height and width of the model's input in pixels; default: the size of the"
        " images where they share a small one, else what suits the model and this machine.",
    )
    color_mode: Literal["grayscale", "rgb", "rgba"] | None = Field(
        None,
        description="Channels of the model's input; default: grayscale or rgba where nearly all"
        " images are, else rgb.",
    )
    value_range: Literal["auto"] | tuple[float, float] = Field(
        "auto",
        description="What becomes black and white, 0 and 255, in images of more than 8 bits:"
        " auto (the range of the bits that the training images use, or of their values), or"
        " [low, high], such as [-1024, 3071]. Images of 8 bits stay as they are.",
    )
    class_mode: Literal["categorical", "sparse", "binary"] = Field(
        "categorical",
        description="Targets: one-hot vectors, class indices, or 0/1 for two classes.",
    )
    batch_size: Positive | None = Field(
        None,
        description="Images per training step; default: 128, or fewer for small sets, so that an"
        " epoch has ten steps, but at least 16.",
    )
    rescale: float | None = Field(
        1 / 255,
        description="Factor on the pixel values, applied by a layer of the model. None: 1.",
    )
    rotation_range: Annotated[float, Field(ge=0, le=180)] = Field(
        8.0, description="Random rotation of up to this many degrees in either direction."
    )
    width_shift_range: ShiftRange = Field(
        0.08,
        description="Random horizontal shift. A float: a share of the width if below 1, else"
        " pixels; an integer n: fewer than n whole pixels; a list: one of its values, in either"
        " direction.",
    )
    height_shift_range: ShiftRange = Field(
        0.08, description="Random vertical shift, as width_shift_range."
    )
    zoom_range: Annotated[float, Field(ge=0, lt=1)] | tuple[float, float] = Field(
        0.08,
        description="Random zoom in [1 - z, 1 + z] or [lower, upper], drawn for each axis.",
    )
    horizontal_flip: bool = Field(
        default=False,
        description="Mirror half of the images; off by default, as it can change a label.",
    )
    vertical_flip: bool = Field(
        default=False,
        description="Flip half of the images upside down; off by default, as it can change a"
        " label.",
    )
    brightness_range: tuple[float, float] | None = Field(
        None, description="Random factor on the pixel values, [lower, upper]."
    )
    resize: Literal["stretch", "pad", "crop", "center_crop"] | None = Field(
        None,
        description="How an image of another size is resized to target_size, anti-aliased:"
        " stretch; pad (the whole image, with black borders); crop (fill, and cut off the excess);"
        " center_crop (the middle, scaled only if the image is smaller). Default: crop for"
        " EfficientNetLite0, else stretch.",
    )
    fill_mode: Literal["constant", "nearest", "reflect", "wrap"] = Field(
        "nearest", description="How pixels outside the image are filled."
    )
    cval: Annotated[float, Field(ge=0, le=255)] = Field(
        0.0, description="Value of those pixels if fill_mode is constant."
    )

    @model_validator(mode="after")
    def _ranges_are_ascending(self) -> Self:
        for name in ("zoom_range", "brightness_range"):
            value = getattr(self, name)
            if isinstance(value, tuple) and not 0 < value[0] <= value[1]:
                raise ValueError(f"{name} must be 0 < lower <= upper. Received: {list(value)}")
        if self.value_range != "auto":
            low, high = self.value_range
            if not -math.inf < low < high < math.inf:
                raise ValueError(f"value_range must be low < high. Received: {[low, high]}")
        return self

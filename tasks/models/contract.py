"""InputContract: what a model must be fed, and what its outputs mean."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}


@dataclass(frozen=True)
class InputContract:
    """What a model must be fed and what its outputs mean; registered with the model.

    Attributes:
        classes: labels in the order of the model's outputs.
        height: of the input, pixels.
        width: of the input, pixels.
        color_mode: grayscale, rgb or rgba.
        class_mode: categorical, sparse or binary.
        resize: stretch, pad, crop or center_crop.
        value_range: what becomes 0 and 255 in images of more than 8 bits; None where the model was
            trained on none: of 16 bits the upper 8 are kept then, and floats are clipped.
    """

    classes: tuple[str, ...]
    height: int
    width: int
    color_mode: str
    class_mode: str
    resize: str = "stretch"
    value_range: tuple[float, float] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.height, self.width

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one input: (height, width, channels)."""
        return self.height, self.width, CHANNELS[self.color_mode]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        value_range = None if self.value_range is None else list(self.value_range)
        return asdict(self) | {"classes": list(self.classes), "value_range": value_range}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> InputContract:
        """Read what `as_dict` returned."""
        # Models that were registered before value_range have none.
        value_range = plain.get("value_range")
        fields = {
            "classes": tuple(plain["classes"]),
            "value_range": None if value_range is None else tuple(value_range),
        }
        return cls(**plain | fields)

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

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self) | {"classes": list(self.classes)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> InputContract:
        """Read what `as_dict` returned."""
        return cls(**plain | {"classes": tuple(plain["classes"])})

"""The settings of exports: the formats a registered model is also kept in."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.config.base import Part


class ExportsConfig(Part):
    """Formats a version is kept in beside its .keras file, each verified on test images first."""

    onnx: bool = Field(
        default=True,
        description="ONNX, which `pixelgate predict` answers from; runs without TensorFlow.",
    )
    litert: bool = Field(default=False, description="LiteRT (.tflite) in float32.")
    litert_int8: bool = Field(
        default=False,
        description="LiteRT with 8-bit weights and activations, calibrated on training images.",
    )
    int8_agreement: Annotated[float, Field(ge=0, le=1)] = Field(
        0.97,
        description="Least share of the test images that the 8-bit model must classify as the"
        " original does; below it the file is not kept.",
    )

    saved_model: bool = Field(
        default=False,
        description="A TensorFlow SavedModel that takes the bytes of JPEG, PNG, GIF, BMP and WebP"
        " files and decodes them as Pillow does; not CMYK, TIFF or animated WebP.",
    )

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats that are asked for, by the names of their settings."""
        return tuple(name for name, value in self if value is True)

"""Files and a contract go in; the model's input and what was done to it come out."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, TypeAlias

from tasks.generators.decoding import decoding_of
from tasks.inventory.image_file import error_reason, read_regular_file
from tasks.inventory.input_choice import is_gray
from tasks.inventory.opened_image import describe_file, open_image
from tasks.inventory.value_ranges import describe_clipping, describe_scaling

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from PIL import Image

    from tasks.models.contract import InputContract
    from tasks.serving.given_files import GivenFile

Decoded: TypeAlias = "tuple[np.ndarray | None, str | None, str | None]"

# An image this many times smaller than the input, on both sides, holds little of what it shows.
ENLARGED = 2


def decode_with_notes(
    contract: InputContract, files: Sequence[GivenFile], max_pixels: int
) -> list[Decoded]:
    """Decode files for a model, as in training.

    Args:
        contract: what the model is fed.
        files: as `given_files.expand_given` returned them.
        max_pixels: an image that declares more is not decoded.

    Returns:
        For each file the image, (height, width, channels) uint8, or None; a note on what was done
        to one of another kind than the model's input, or None; and why it can't be read, or None.
    """
    return [_decode(file, contract, max_pixels) for file in files]


def _decode(file: GivenFile, contract: InputContract, max_pixels: int) -> Decoded:
    if file.error is not None:
        return None, None, file.error
    try:
        # Pillow warns of odd metadata and the like, which nobody can act on here.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = read_regular_file(str(file.path), {})
            with open_image(data, max_pixels=max_pixels) as opened:
                notes = [*_of_frames(opened), *_of_size(opened, contract)]
                facts, values = describe_file(opened, data)
                image = decoding_of(contract).fit(opened, values)
                notes += _of_values(facts, contract)
                # Only now: some formats store after their pixels whether they are transparent.
                notes += [*_of_mode(opened, contract.color_mode), *_of_alpha(opened, contract)]
    except (Exception, RecursionError) as error:  # noqa: BLE001 - decoders raise anything on damaged bytes
        return None, None, error_reason(error)
    return image, "; ".join(notes) or None, None


def _of_frames(opened: Image.Image) -> list[str]:
    # A phone's MPO holds one photograph and previews of it, not an animation.
    frames = 1 if opened.format == "MPO" else getattr(opened, "n_frames", 1)
    return [f"the first of {frames} frames"] if frames > 1 else []


def _of_size(opened: Image.Image, contract: InputContract) -> list[str]:
    if ENLARGED * max(opened.size) <= min(contract.size):
        return [f"enlarged from {opened.height} x {opened.width} pixels"]
    return []


def _of_values(facts: dict[str, Any], contract: InputContract) -> list[str]:
    if "value_low" not in facts:
        return []
    clipped = describe_clipping(facts, contract.value_range)
    return [describe_scaling(facts, contract.value_range), *([clipped] if clipped else [])]


def _of_mode(opened: Image.Image, color_mode: str) -> list[str]:
    if is_gray(opened.mode):
        return [] if color_mode == "grayscale" else ["gray, repeated in three channels"]
    if color_mode == "grayscale":
        return ["colours converted to gray"]
    return [f"{opened.mode} converted to RGB"] if opened.mode in ("CMYK", "LAB", "HSV") else []


def _of_alpha(opened: Image.Image, contract: InputContract) -> list[str]:
    is_opaque = not opened.has_transparency_data or (
        "A" in opened.getbands() and opened.getchannel("A").getextrema() == (255, 255)
    )
    if contract.color_mode == "rgba":
        return [] if opened.has_transparency_data else ["without transparency, taken as opaque"]
    return [] if is_opaque else ["transparency laid over white"]

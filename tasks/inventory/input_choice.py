"""The images' sizes and modes and a model's name go in; what the model is fed comes out.

The only place that decides on it where the settings don't; the gate, the suggested settings and the
generators all ask here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.config.training import AUTO
from tasks.inventory.columns import CHANNELS, HEIGHT, MODE, SPLIT, TRAIN, WIDTH, readable
from tasks.inventory.model_choice import FAST, ModelChoice, choose_model
from tasks.inventory.value_ranges import choose_value_range
from tasks.runtime.accelerators import has_gpu
from tasks.runtime.pretrained_weights import PRETRAINED

if TYPE_CHECKING:
    import pandas as pd

    from tasks.config.generators import GeneratorConfig
    from tasks.config.schema import RetrainConfig

# From this share on, the exceptions are mistakes and not the nature of the images.
NEARLY_ALL = 0.95
# Sides in pixels, on a CPU and on a GPU, at which a model still trains in minutes there; measured
# in benchmarks/results/train.md. small_cnn and basic_cnn compute at full resolution.
# The pretrained backbone only infers at first, and gains more by pixels: results/photos.md.
SIDES = {"small_cnn": (64, 96), "basic_cnn": (64, 96), PRETRAINED: (224, 224)}
SIDES_OF_FAST_MODELS = (96, 160)
SIDES_OF_BACKBONES = (160, 224)
# Images of one size are fed as they are up to this side, on a CPU and on a GPU.
LARGEST_KEPT = (128, 256)
# Sides that are chosen are multiples of it, so that strided layers divide them without a rest.
MULTIPLE = 8
GRAY_MODES = frozenset(("1", "L", "LA", "F"))


@dataclass(frozen=True)
class InputChoice:
    """What a model is fed.

    Attributes:
        height: pixels.
        width: pixels.
        color_mode: grayscale, rgb or rgba.
        resize: stretch, pad, crop or center_crop.
        model: its name.
        reason: why this size, in words.
        value_range: what becomes 0 and 255 in images of more than 8 bits; None where there are
            none.
    """

    height: int
    width: int
    color_mode: str
    resize: str
    model: str
    reason: str
    value_range: tuple[float, float] | None = None


def choose_input(
    images: pd.DataFrame,
    settings: GeneratorConfig,
    *,
    model: str | None = None,
    gpu: bool | None = None,
) -> InputChoice:
    """Choose size, colour mode and resizing of a model's input; what is set takes precedence.

    Args:
        images: height, width, mode and channels of the images to choose by; at least one.
        settings: target_size, color_mode, resize and value_range.
        model: its name; by default, and for auto, the one that suits the images.
        gpu: whether it is trained on a GPU; by default as this machine has one.
    """
    gpu = has_gpu() if gpu is None else gpu
    mode, size = settings.color_mode or choose_color_mode(images), settings.target_size
    if model in (None, AUTO):
        model = choose_model(images, color_mode=mode, target_size=size, gpu=gpu).model
    if size is not None:
        (height, width), reason = size, "generators.target_size"
    else:
        height, width, reason = choose_size(images, model, gpu=gpu)
    # A pretrained network knows things in their natural shape.
    resize = settings.resize or ("crop" if model == PRETRAINED else "stretch")
    value_range = choose_value_range(images, settings.value_range)
    return InputChoice(height, width, mode, resize, model, reason, value_range)


def with_chosen_model(
    config: RetrainConfig, inventory: pd.DataFrame
) -> tuple[RetrainConfig, ModelChoice]:
    """Return the settings with a model's name for auto.

    Args:
        config: every setting; returned as it is where it names a model.
        inventory: its readable rows of the train split decide.
    """
    settings = config.training
    if settings.model != AUTO:
        return config, ModelChoice(settings.model, "as set")
    images = readable(inventory[inventory[SPLIT] == TRAIN])
    if images.empty:
        choice = ModelChoice(FAST, "no image is trained on")
    elif settings.weights is not None:
        choice = ModelChoice(FAST, "training.weights is set without training.model")
    else:
        generators = config.generators
        mode = generators.color_mode or choose_color_mode(images)
        choice = choose_model(images, color_mode=mode, target_size=generators.target_size)
    training = settings.model_copy(update={"model": choice.model})
    return config.model_copy(update={"training": training}), choice


def choose_size(images: pd.DataFrame, model: str, *, gpu: bool) -> tuple[int, int, str]:
    """Return height and width of the input, in pixels, and why.

    Small images of one size stay as they are. Larger ones are scaled to as many pixels as the model
    computes in reasonable time on such hardware, in their own shape if they share one; images of
    many sizes become squares, smaller ones where most images are smaller.
    """
    sizes = images.value_counts([HEIGHT, WIDTH])
    height, width = (int(side) for side in sizes.index[0])
    side = suited_side(model, gpu=gpu)
    suited = f"{side} pixels suit {model} on a {'GPU' if gpu else 'CPU'}"
    if sizes.iloc[0] >= NEARLY_ALL * len(images):
        if max(height, width) <= LARGEST_KEPT[gpu]:
            return height, width, "the size of the images"
        scale = side / math.sqrt(height * width)
        scaled = (_multiple(scale * height), _multiple(scale * width))
        return *scaled, f"the images are {height} x {width}; {suited}"
    typical = float((images[HEIGHT].astype("float64") * images[WIDTH]).pow(0.5).median())
    many = f"the images have {len(sizes)} sizes"
    if typical < side:
        small = _multiple(typical)
        return small, small, f"{many}, most of them about {typical:.0f} pixels"
    return side, side, f"{many}; {suited}"


def suited_side(model: str, *, gpu: bool) -> int:
    """Return the side of a square input, in pixels, that a model trains on in reasonable time."""
    if model in SIDES:
        return SIDES[model][gpu]
    # Backbones of keras.applications are the only models whose names begin with a capital letter.
    is_backbone = model.removeprefix("applications.")[:1].isupper()
    return (SIDES_OF_BACKBONES if is_backbone else SIDES_OF_FAST_MODELS)[gpu]


def choose_color_mode(images: pd.DataFrame) -> str:
    """Return grayscale or rgba where nearly all images are of that kind, otherwise rgb.

    A gray image loses nothing in RGB; a colour image would lose its colours in gray.
    """
    counts = images.value_counts([MODE, CHANNELS])
    modes = counts.groupby(level=MODE).sum() / len(images)
    if modes[[is_gray(mode) for mode in modes.index]].sum() >= NEARLY_ALL:
        return "grayscale"
    # Transparency is laid over white, unless it is what all images have.
    return "rgba" if modes.get("RGBA", 0) >= NEARLY_ALL else "rgb"


def is_gray(mode: str) -> bool:
    """Return whether images of a mode of Pillow's have no colours."""
    # Pillow has several integer modes (I, I;16, I;16B, ...), all of them one channel of gray.
    return mode in GRAY_MODES or mode.startswith("I")


def _multiple(side: float) -> int:
    return max(MULTIPLE, round(side / MULTIPLE) * MULTIPLE)

"""A sample goes in; faults, one or more for each rule of the gate, are planted in it.

Each fault is something that goes wrong in real folders: an interrupted upload, a camera with other
settings, a folder moved by hand.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tasks.drill.degradations import brighten
from tasks.drill.planting import (
    copy_file,
    move_file,
    open_file,
    open_image,
    path_in_first_class,
    remove_files,
    replace_bytes,
    replace_image,
    unlinked,
)
from tasks.inventory.columns import TEST, TRAIN
from tasks.inventory.displayed import as_displayed
from tasks.inventory.orientation import EXIF_ORIENTATION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tasks.drill.sample import Sample


@dataclass(frozen=True)
class Fault:
    """A fault and the rule that must catch it.

    Attributes:
        rule: name of the rule.
        description: what is planted, in a few words.
        plant: changes the work folder of a sample and returns the paths that the rule must name;
            none if the rule names classes or numbers.
        days_later: days from now at which the data is judged.
        min_recall: share of those paths that the rule must name; rules that compare images by
            similarity miss some.
        needs_embeddings: whether it shows only in what the images show.
        settings: of rules, as the fault needs them to show in a small sample.
    """

    rule: str
    description: str
    plant: Callable[[Sample], Iterable[str]] = field(repr=False)
    days_later: float = 0.0
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    min_recall: float = 1.0
    needs_embeddings: bool = False


def truncate_file(sample: Sample) -> list[str]:
    """Cut a file short, like an interrupted upload."""
    path = sample.paths(TRAIN)[0]
    data = (sample.work / path).read_bytes()
    # At least the signature remains, so that the file is still recognised as an image.
    return [replace_bytes(sample, path, data[: max(8, len(data) // 3)])]


def add_damaged_jpeg(sample: Sample) -> list[str]:
    """Add a JPEG that lost a block of its data and decodes all the same."""
    path = path_in_first_class(sample, "damaged.jpg")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(pixels).save(sample.work / path)
    data = bytearray((sample.work / path).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)
    (sample.work / path).write_bytes(data)
    return [path]


def empty_file(sample: Sample) -> list[str]:
    """Leave a file without content."""
    return [replace_bytes(sample, sample.paths(TRAIN)[1], b"")]


def add_bomb(sample: Sample) -> list[str]:
    """Add a PNG of a few bytes that declares 4 billion pixels."""
    header = struct.pack(">IIBBBBB", 65_000, 65_000, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return [replace_bytes(sample, path_in_first_class(sample, "bomb.png"), data)]


def change_format(sample: Sample) -> list[str]:
    """Save an image in another format than its extension names."""
    path = sample.paths(TRAIN)[2]
    with open_file(sample.work / path) as image:
        kind = "BMP" if image.format != "BMP" else "PNG"
        as_displayed(image).convert(image.mode if image.mode in ("L", "RGB") else "RGB").save(
            unlinked(sample, path), format=kind
        )
    return [path]


def add_pages(sample: Sample) -> list[str]:
    """Add a document of three pages."""
    image = open_image(sample, sample.paths(TRAIN)[0])
    path = path_in_first_class(sample, "pages.tiff")
    image.save(sample.work / path, save_all=True, append_images=[image, image])
    return [path]


def blank_image(sample: Sample) -> list[str]:
    """Replace an image by a single colour, like a photograph through a covered lens."""
    path = sample.paths(TRAIN)[3]
    image = open_image(sample, path)
    return [replace_image(sample, path, Image.new(image.mode, image.size))]


def resize_image(sample: Sample) -> list[str]:
    """Make an image a strip: wider than the rest, and hardly high."""
    path = sample.paths(TRAIN)[4]
    sides = [side for each in sample.paths(TRAIN) for side in open_image(sample, each).size]
    strip = open_image(sample, path).resize((2 * max(sides) + 3, max(1, min(sides) // 8)))
    return [replace_image(sample, path, strip)]


def add_cmyk(sample: Sample) -> list[str]:
    """Add an image in a mode for printing."""
    path = path_in_first_class(sample, "mode.tiff")
    open_image(sample, sample.paths(TRAIN)[5]).convert("CMYK").save(sample.work / path)
    return [path]


def add_16_bits(sample: Sample) -> list[str]:
    """Add an image of 16 bits per channel."""
    path = path_in_first_class(sample, "deep.png")
    gray = np.asarray(open_image(sample, sample.paths(TRAIN)[0]).convert("L"), dtype=np.uint16)
    Image.fromarray(gray * 257).save(sample.work / path)
    return [path]


def add_dark_16_bits(sample: Sample) -> list[str]:
    """Add an image of 16 bits, and one whose values take up a 256th of that range."""
    add_16_bits(sample)
    full, dark = (path_in_first_class(sample, name) for name in ("deep.png", "dark.png"))
    with open_file(sample.work / full) as image:
        values = np.asarray(image).copy()
    # Whatever the sample shows, the range is that of 16 bits.
    values.flat[:4] = 2**16 - 1
    Image.fromarray(values).save(unlinked(sample, full))
    Image.fromarray((values >> 8).astype(np.uint16)).save(sample.work / dark)
    return [dark]


def add_rotated(sample: Sample) -> list[str]:
    """Add an image whose EXIF orientation rotates it, as phones write it."""
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    path = path_in_first_class(sample, "turned.png")
    open_image(sample, sample.paths(TRAIN)[1]).save(sample.work / path, exif=exif)
    return [path]


def add_stray(sample: Sample) -> list[str]:
    """Copy a file outside the class folders."""
    source = sample.paths(TRAIN)[0]
    path = f"{TRAIN}/stray{Path(source).suffix}"
    return [copy_file(sample, source, path)]


def respell_class(sample: Sample) -> list[str]:
    """Move half of a class into a folder whose name is spelled differently."""
    label = sample.labels[0]
    for path in sample.paths(label=label)[::2]:
        move_file(sample, path, path.replace(f"/{label}/", f"/{label.swapcase()} /"))
    return []


def copy_to_other_class(sample: Sample) -> list[str]:
    """Copy an image into another class."""
    source = sample.paths(TRAIN, sample.labels[0])[0]
    path = f"{TRAIN}/{sample.labels[1]}/contradiction{Path(source).suffix}"
    return [source, copy_file(sample, source, path)]


def move_to_unknown_class(sample: Sample) -> list[str]:
    """Move half of a class into a class that is not declared."""
    label = sample.labels[0]
    moved = sample.paths(label=label)[: len(sample.paths(label=label)) // 2]
    return [move_file(sample, path, path.replace(f"/{label}/", "/unheard of/")) for path in moved]


def remove_class(sample: Sample) -> list[str]:
    """Remove a whole class."""
    remove_files(sample, sample.paths(label=sample.labels[0]))
    return []


def mislabel_files(sample: Sample) -> list[str]:
    """Move every eighth training file into another class."""
    for number, path in enumerate(sample.paths(TRAIN)[::8]):
        split, label, name = path.split("/")
        other = sample.labels[(sample.labels.index(label) + 1) % len(sample.labels)]
        move_file(sample, path, f"{split}/{other}/moved{number}_{name}")
    # No file must be named: which ones are suspect depends on how well the quick model does.
    return []


def leak_image(sample: Sample) -> list[str]:
    """Copy a training image into test."""
    label = sample.labels[0]
    source = sample.paths(TRAIN, label)[0]
    return [copy_file(sample, source, f"{TEST}/{label}/leak{Path(source).suffix}")]


def leak_near_duplicate(sample: Sample) -> list[str]:
    """Copy a training image into test, in another brightness and format."""
    path = f"{TEST}/{sample.labels[0]}/near.png"
    image = open_image(sample, sample.paths(TRAIN, sample.labels[0])[0])
    brighten(image).save(sample.work / path)
    return [path]


def duplicate_files(sample: Sample) -> list[str]:
    """Copy every third training file."""
    # The prefix sorts the copies behind their originals: the later file counts as the copy.
    return [
        copy_file(sample, path, str(PurePosixPath(path).with_name(f"z_copy_{Path(path).name}")))
        for path in sample.paths(TRAIN)[::3]
    ]


def duplicate_brighter(sample: Sample) -> list[str]:
    """Add a brighter version of every third training file."""
    added = []
    for path in sample.paths(TRAIN)[::3]:
        target = str(PurePosixPath(path).with_name(f"z_near_{Path(path).stem}.png"))
        brighten(open_image(sample, path)).save(sample.work / target)
        added.append(target)
    return added


def relabel_third(sample: Sample) -> list[str]:
    """Move a third of a class into another."""
    first, second = sample.labels[:2]
    return [
        move_file(sample, path, path.replace(f"/{first}/", f"/{second}/moved_"))
        for path in sample.paths(TRAIN, first)[::3]
    ]


def truncate_half(sample: Sample) -> list[str]:
    """Cut every second file short."""
    for path in sample.paths()[::2]:
        replace_bytes(sample, path, (sample.work / path).read_bytes()[:20])
    return []


def change_nothing(_: Sample) -> list[str]:
    """Leave the data as it is, so that nothing is new."""
    return []


def change_all(change: Callable[[Image.Image], Image.Image]) -> Callable[[Sample], list[str]]:
    """Return a function that changes every image in the same way."""

    def plant(sample: Sample) -> list[str]:
        for path in sample.paths():
            replace_image(sample, path, change(open_image(sample, path)))
        return []

    return plant

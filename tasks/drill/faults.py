"""A sample goes in; faults, one or more for each rule of the gate, are planted in it.

Each fault is what goes wrong in real folders: an upload that broke off, a camera set anew, a folder
moved by hand.
"""

from __future__ import annotations

import shutil
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tasks.drill.degradations import brighter
from tasks.drill.planting import beside, copy, fresh, move, open_work, save_as, write
from tasks.inventory.columns import TEST, TRAIN
from tasks.inventory.image_file import EXIF_ORIENTATION, as_displayed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tasks.drill.sample import Sample


@dataclass(frozen=True)
class Fault:
    """A fault and the rule that must catch it.

    Attributes:
        rule: name of the rule.
        told: what is planted, in a few words.
        plant: changes the work folder of a sample and returns the paths it must be caught by; none
            where the rule names classes or figures.
        days_later: the time it is judged at.
        named: share of those paths that must be named; what is judged by likeness misses some.
        settings: of rules, as they must be for the fault to show in a small sample.
    """

    rule: str
    told: str
    plant: Callable[[Sample], Iterable[str]] = field(repr=False)
    days_later: float = 0.0
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    named: float = 1.0


def truncated(sample: Sample) -> list[str]:
    """An upload that broke off."""
    path = sample.of(TRAIN)[0]
    data = (sample.work / path).read_bytes()
    return [write(sample, path, data[: max(8, len(data) // 3)])]


def empty(sample: Sample) -> list[str]:
    """A file without bytes."""
    return [write(sample, sample.of(TRAIN)[1], b"")]


def bomb(sample: Sample) -> list[str]:
    """A PNG of a few bytes that declares 4 billion pixels."""
    header = struct.pack(">IIBBBBB", 65_000, 65_000, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return [write(sample, beside(sample, "bomb.png"), data)]


def false_suffix(sample: Sample) -> list[str]:
    """An image of another format under an image's suffix."""
    path = sample.of(TRAIN)[2]
    with Image.open(sample.work / path) as image:
        kind = "BMP" if image.format != "BMP" else "PNG"
        as_displayed(image).convert(image.mode if image.mode in ("L", "RGB") else "RGB").save(
            fresh(sample, path), format=kind
        )
    return [path]


def several_frames(sample: Sample) -> list[str]:
    """A document of several pages among images."""
    image = open_work(sample, sample.of(TRAIN)[0])
    path = beside(sample, "pages.tiff")
    image.save(sample.work / path, save_all=True, append_images=[image, image])
    return [path]


def blank(sample: Sample) -> list[str]:
    """An image of one colour, as a covered lens takes it."""
    path = sample.of(TRAIN)[3]
    image = open_work(sample, path)
    return [save_as(sample, path, Image.new(image.mode, image.size))]


def odd_size(sample: Sample) -> list[str]:
    """An image much larger than the rest, and of another shape."""
    path = sample.of(TRAIN)[4]
    image = open_work(sample, path)
    largest = max(max(open_work(sample, each).size) for each in sample.of(TRAIN))
    return [save_as(sample, path, image.resize((4 * largest + 3, largest + 7)))]


def odd_mode(sample: Sample) -> list[str]:
    """An image of a mode no other has."""
    path = beside(sample, "mode.tiff")
    open_work(sample, sample.of(TRAIN)[5]).convert("CMYK").save(sample.work / path)
    return [path]


def deep(sample: Sample) -> list[str]:
    """An image of 16 bits a channel."""
    path = beside(sample, "deep.png")
    gray = np.asarray(open_work(sample, sample.of(TRAIN)[0]).convert("L"), dtype=np.uint16)
    Image.fromarray(gray * 257).save(sample.work / path)
    return [path]


def turned(sample: Sample) -> list[str]:
    """An image that a phone held upright marked as lying."""
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    path = beside(sample, "turned.png")
    open_work(sample, sample.of(TRAIN)[1]).save(sample.work / path, exif=exif)
    return [path]


def stray(sample: Sample) -> list[str]:
    """A file outside the class folders."""
    source = sample.of(TRAIN)[0]
    path = f"{TRAIN}/stray{Path(source).suffix}"
    shutil.copy(sample.work / source, sample.work / path)
    return [path]


def two_spellings(sample: Sample) -> list[str]:
    """A second folder of a class, spelled differently."""
    label = sample.labels[0]
    for path in sample.of(label=label)[::2]:
        move(sample, path, path.replace(f"/{label}/", f"/{label.swapcase()} /"))
    return []


def contradiction(sample: Sample) -> list[str]:
    """The same image in two classes."""
    source = sample.of(TRAIN, sample.labels[0])[0]
    path = f"{TRAIN}/{sample.labels[1]}/contradiction{Path(source).suffix}"
    shutil.copy(sample.work / source, sample.work / path)
    return [source, path]


def unknown_class(sample: Sample) -> list[str]:
    """A class nobody declared."""
    label = sample.labels[0]
    moved = sample.of(label=label)[: len(sample.of(label=label)) // 2]
    return [move(sample, path, path.replace(f"/{label}/", "/unheard of/")) for path in moved]


def missing_class(sample: Sample) -> list[str]:
    """A class that was not delivered."""
    for path in sample.of(label=sample.labels[0]):
        (sample.work / path).unlink()
    return []


def wrong_labels(sample: Sample) -> list[str]:
    """A handful of files in the folder of another class, each in its split."""
    moved = []
    for number, path in enumerate(sample.of(TRAIN)[::8]):
        split, label, name = path.split("/")
        other = sample.labels[(sample.labels.index(label) + 1) % len(sample.labels)]
        moved.append(move(sample, path, f"{split}/{other}/moved{number}_{name}"))
    return []


def leak(sample: Sample) -> list[str]:
    """A test image that is trained on."""
    label = sample.labels[0]
    source = sample.of(TRAIN, label)[0]
    path = f"{TEST}/{label}/leak{Path(source).suffix}"
    shutil.copy(sample.work / source, sample.work / path)
    return [path]


def near_leak(sample: Sample) -> list[str]:
    """A test image that is trained on in another brightness and format."""
    path = f"{TEST}/{sample.labels[0]}/near.png"
    brighter(open_work(sample, sample.of(TRAIN, sample.labels[0])[0])).save(sample.work / path)
    return [path]


def many_copies(sample: Sample) -> list[str]:
    """Every fourth file twice."""
    return [
        copy(sample, path, f"{Path(path).parent.as_posix()}/z_copy_{Path(path).name}")
        for path in sample.of(TRAIN)[::3]
    ]


def many_near_copies(sample: Sample) -> list[str]:
    """Every fourth file twice, the second one brighter."""
    made = []
    for path in sample.of(TRAIN)[::3]:
        copy = f"{Path(path).parent.as_posix()}/z_near_{Path(path).stem}.png"
        brighter(open_work(sample, path)).save(sample.work / copy)
        made.append(copy)
    return made


def tiny_class(sample: Sample) -> list[str]:
    """A class of which one file is left in each split."""
    label = sample.labels[0]
    for split in sample.files["split"].unique():
        for path in sample.of(split, label)[1:]:
            (sample.work / path).unlink()
    return []


def half_gone(sample: Sample) -> list[str]:
    """Two files of three were not delivered."""
    for number, path in enumerate(sorted(sample.of(), key=lambda path: path[::-1])):
        if number % 3:
            (sample.work / path).unlink()
    return []


def class_not_tested(sample: Sample) -> list[str]:
    """A class without a test image."""
    for path in sample.of(TEST, sample.labels[0]):
        (sample.work / path).unlink()
    return []


def relabelled(sample: Sample) -> list[str]:
    """A third of a class moved into another."""
    first, second = sample.labels[:2]
    return [
        move(sample, path, path.replace(f"/{first}/", f"/{second}/moved_"))
        for path in sample.of(TRAIN, first)[::3]
    ]


def many_truncated(sample: Sample) -> list[str]:
    """Every second upload broke off."""
    for path in sample.of()[::2]:
        write(sample, path, (sample.work / path).read_bytes()[:20])
    return []


def nothing(_: Sample) -> list[str]:
    """Nothing at all is new."""
    return []


def changed(how: Callable[[Image.Image], Image.Image]) -> Callable[[Sample], list[str]]:
    """Return what plants the same change in every file."""

    def plant(sample: Sample) -> list[str]:
        for path in sample.of():
            save_as(sample, path, how(open_work(sample, path)))
        return []

    return plant

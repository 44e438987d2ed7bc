"""A sample goes in; faults of the set as a whole, of its classes and splits, are planted in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tasks.drill.planting import move_file, open_image, remove_files, unlinked
from tasks.inventory.columns import SPLIT, TEST, TRAIN, VALIDATION

if TYPE_CHECKING:
    from tasks.drill.sample import Sample


def keep_one_class(sample: Sample) -> list[str]:
    """Remove all classes but one."""
    for label in sample.labels[1:]:
        remove_files(sample, sample.paths(label=label))
    return []


def shrink_class(sample: Sample) -> list[str]:
    """Leave one file of a class in each split."""
    label = sample.labels[0]
    for split in sample.files[SPLIT].unique():
        remove_files(sample, sample.paths(split, label)[1:])
    return []


def narrow_class(sample: Sample) -> list[str]:
    """Save two classes with 16 bits, one of them with values of 12."""
    narrow = []
    for label, shift in zip(sample.labels, (0, 4), strict=False):
        for path in sample.paths(label=label):
            gray = np.array(open_image(sample, path).convert("L"), dtype=np.uint16) * 257
            # Whatever the sample shows.
            gray.flat[:2] = 0, 2**16 - 1
            unlinked(sample, path)
            Image.fromarray(gray >> shift).save(sample.work / f"{path}.png")
            narrow += [f"{path}.png"] * bool(shift)
    return narrow


def hardly_train_class(sample: Sample) -> list[str]:
    """Leave two files of a class in train, and move the others to test."""
    label = sample.labels[0]
    for path in sample.paths(TRAIN, label)[2:]:
        move_file(sample, path, path.replace(f"{TRAIN}/{label}/", f"{TEST}/{label}/moved_"))
    return []


def turn_shares_round(sample: Sample) -> list[str]:
    """Leave one file each of half of the classes in train, and of the other half in test."""
    half = len(sample.labels) // 2
    for split, labels in ((TRAIN, sample.labels[:half]), (TEST, sample.labels[half:])):
        for label in labels:
            remove_files(sample, sample.paths(split, label)[1:])
    return []


def leave_one_to_test_on(sample: Sample) -> list[str]:
    """Leave a single file in test."""
    remove_files(sample, sample.paths(TEST)[1:])
    return []


def remove_from_test(sample: Sample) -> list[str]:
    """Remove all test images of a class."""
    remove_files(sample, sample.paths(TEST, sample.labels[0]))
    return []


def remove_two_thirds(sample: Sample) -> list[str]:
    """Remove two files of three."""
    # Ordered from the end of the path, so that every class and split loses its share.
    ordered = sorted(sample.paths(), key=lambda path: path[::-1])
    remove_files(sample, [path for number, path in enumerate(ordered) if number % 3])
    return []


def part_siblings(sample: Sample) -> list[str]:
    """Put one copy of a training image into train, and another into test, named as augmented."""
    return [
        _augmented(sample, TRAIN, "rot90", Image.Transpose.ROTATE_90),
        _augmented(sample, TEST, "flip", Image.Transpose.FLIP_LEFT_RIGHT),
    ]


def add_siblings(sample: Sample) -> list[str]:
    """Put both copies into train, and let validation be drawn from it."""
    for label in sample.labels:
        for path in sample.paths(VALIDATION, label):
            move_file(sample, path, path.replace(f"{VALIDATION}/", f"{TRAIN}/"))
    return [
        _augmented(sample, TRAIN, "rot90", Image.Transpose.ROTATE_90),
        _augmented(sample, TRAIN, "flip", Image.Transpose.FLIP_LEFT_RIGHT),
    ]


def _augmented(sample: Sample, split: str, way: str, turn: Image.Transpose) -> str:
    label = sample.labels[0]
    path = f"{split}/{label}/planted_{way}.png"
    open_image(sample, sample.paths(TRAIN, label)[0]).transpose(turn).save(sample.work / path)
    return path

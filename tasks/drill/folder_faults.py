"""A sample goes in; faults that leave files or folders without an image are planted in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.drill.planting import move_file, path_in_first_class, replace_bytes
from tasks.inventory.columns import TRAIN

if TYPE_CHECKING:
    from tasks.drill.sample import Sample

# Of a format that nothing here reads; the bytes are those of no image at all.
UNREAD, BYTES = ".psd", b"8BPS\0\1"


def make_class_unread(sample: Sample) -> list[str]:
    """Give all files of a class a format that isn't read, like photographs of another camera."""
    for path in sample.paths(label=sample.labels[0]):
        replace_bytes(sample, path, BYTES)
        move_file(sample, path, f"{path}{UNREAD}")
    return []


def add_empty_class(sample: Sample) -> list[str]:
    """Add a class folder without files, like an upload that never started."""
    (sample.work / TRAIN / "nothing here").mkdir()
    return []


def add_unread_files(sample: Sample) -> list[str]:
    """Add as many files of a format that isn't read as there are images."""
    for number in range(len(sample.files)):
        path = path_in_first_class(sample, f"unread{number}{UNREAD}")
        replace_bytes(sample, path, BYTES)
    return []

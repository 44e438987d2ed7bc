"""A run and a filter go in; the page of images that somebody looks at comes out.

What was read and chosen is kept, for a few runs and their last filters, so that to page through a
million images reads nothing again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.inventory.columns import BYTES, ERROR, LABEL, MTIME_NS, PATH, SHA256, SPLIT
from tasks.monitoring.image_filter import ImageFilter, choose_rows
from tasks.monitoring.run_images import RunImages
from tasks.runs.run_folder import INVENTORY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PER_PAGE = 60
# Of all runs together: a million images take about 200 MB.
MOST_IMAGES, MOST_FILTERS = 3_000_000, 16


@dataclass(frozen=True)
class ShownImage:
    """An image as the run knew it.

    Attributes:
        row: of the inventory; names it within its run.
        path: relative to the data folder.
        label: its class; None without one.
        split: train, validation or test.
        error: why it can't be read; None if it can.
        bytes: size of its file.
        mtime_ns: when the file was changed.
        sha256: of its content.
        predicted: the class that the model named; None if it was not asked.
        score: the probability of that class.
    """

    row: int
    path: str
    label: str | None
    split: str | None
    error: str | None
    bytes: int | None
    mtime_ns: int | None
    sha256: str | None
    predicted: str | None
    score: float | None


class ImageStore:
    """The images of all runs, of which the last ones used are kept in memory."""

    def __init__(self) -> None:
        self._runs: OrderedDict[tuple[Any, ...], RunImages] = OrderedDict()
        self._chosen: OrderedDict[tuple[RunImages, ImageFilter], np.ndarray] = OrderedDict()
        self._changing = threading.Lock()

    def of(self, folder: Path) -> RunImages | None:
        """Return the images of a run; None if it has no inventory.

        Args:
            folder: of the run.
        """
        try:
            status = (folder / INVENTORY).stat()
        except OSError:
            return None
        key = (folder, status.st_size, status.st_mtime_ns)
        with self._changing:
            images = self._runs.setdefault(key, RunImages(folder))
            self._runs.move_to_end(key)
            while sum(each.count for each in self._runs.values()) > MOST_IMAGES:
                if len(self._runs) == 1:
                    break
                self._runs.popitem(last=False)
        return images

    def rows(self, images: RunImages, asked: ImageFilter) -> np.ndarray:
        """Return the rows that a filter asks for, (chosen,) int32, in their order."""
        key = (images, asked)
        with self._changing:
            if key in self._chosen:
                self._chosen.move_to_end(key)
                return self._chosen[key]
        rows = choose_rows(images, asked)
        with self._changing:
            self._chosen[key] = rows
            while len(self._chosen) > MOST_FILTERS:
                self._chosen.popitem(last=False)
        return rows


def shown_images(
    images: RunImages, rows: Sequence[int] | np.ndarray, *, with_answers: bool = True
) -> list[ShownImage]:
    """Return what is shown of some rows.

    Args:
        images: of the run.
        rows: of its inventory.
        with_answers: what the model said too, which takes a moment the first time.
    """
    codes, scores, classes, _ = images.answers if with_answers else (None, None, [], None)
    shown = []
    for row in map(int, rows):
        is_answered = codes is not None and codes[row] >= 0
        size, changed = (images.column(name)[row].as_py() for name in (BYTES, MTIME_NS))
        shown.append(
            ShownImage(
                row=row,
                path=images.text(PATH, row) or "",
                label=images.text(LABEL, row),
                split=images.text(SPLIT, row),
                error=images.text(ERROR, row),
                bytes=size,
                mtime_ns=changed,
                sha256=images.text(SHA256, row),
                predicted=classes[codes[row]] if codes is not None and is_answered else None,
                score=float(scores[row]) if scores is not None and is_answered else None,
            )
        )
    return shown


def neighbours(rows: np.ndarray, row: int) -> tuple[int | None, int, int | None]:
    """Return the row before, the position from 0, and the row after one of those chosen.

    The position is -1 for a row that is not among them.
    """
    found = np.flatnonzero(rows == row)
    if not len(found):
        return None, -1, None
    position = int(found[0])
    before = int(rows[position - 1]) if position else None
    after = int(rows[position + 1]) if position + 1 < len(rows) else None
    return before, position, after

"""Runs, filters and rows go in; what the templates of the data browser show comes out."""

from __future__ import annotations

import base64
import binascii
import contextlib
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import HTTPException

from tasks.monitoring.data_folder import DataFolder, data_folder_of
from tasks.monitoring.image_filter import ANSWERS, SORTS, ImageFilter
from tasks.monitoring.image_pages import PER_PAGE, ImageStore, neighbours, shown_images
from tasks.monitoring.proposals import list_proposals
from tasks.monitoring.thumbnails_kept import Thumbnails
from tasks.runtime.whoami import who_am_i

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastapi import Request

    from tasks.monitoring.image_pages import ShownImage
    from tasks.monitoring.run_images import RunImages
    from tasks.monitoring.thumbnails_kept import Drawn
    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home

MOST_DIGITS = 9
CHOICES_SHOWN, LIKE_SHOWN, CLASSES_SHOWN = 1_000, 24, 12


class Browser:
    """What the pages of the data browser show.

    Args:
        home: of any model.
        find_run: returns the summary of a run; raises HTTPException if there is none.
    """

    def __init__(self, home: Home, find_run: Callable[[str], RunSummary]) -> None:
        self.home, self._find_run = home, find_run
        self._store, self._thumbnails = ImageStore(), Thumbnails(home.thumbnails)
        self._folders: dict[str, DataFolder] = {}
        self._finding = threading.Lock()

    def images(self, run_id: str) -> RunImages:
        """Return the images of a run.

        Raises:
            HTTPException: there is no such run, or it has not read its images yet.
        """
        images = self._store.of(self._find_run(run_id).directory)
        if images is None:
            raise HTTPException(404, f"Run {run_id} has no inventory of its images.")
        return images

    def read_ahead(self, run_id: str) -> None:
        """Read what the first page of a run needs, before somebody waits for it."""
        # A run without images has nothing to read.
        with contextlib.suppress(HTTPException):
            self.page(run_id, ImageFilter(), "")

    def shown(self, run_id: str, rows: Sequence[str]) -> list[ShownImage]:
        """Return the images of row numbers that a form has sent.

        Raises:
            HTTPException: one of them is no row of the run.
        """
        images = self.images(run_id)
        for row in rows:
            if not 0 <= _whole(row, -1) < images.count:
                raise HTTPException(404, f"Run {run_id} has no image {row[:20]}.")
        return shown_images(images, sorted({int(row) for row in rows}), with_answers=False)

    def row_of(self, run_id: str, sha256: str) -> int:
        """Return the first image of a content.

        Raises:
            HTTPException: there is none.
        """
        row = self.images(run_id).row_of(sha256)
        if row is None:
            raise HTTPException(404, f"Run {run_id} has no image with this SHA-256.")
        return row

    def draw(self, run_id: str, row: int, side: int) -> Drawn:
        """Return an image in small."""
        images = self.images(run_id)
        self._check_row(run_id, images, row)
        image = shown_images(images, [row], with_answers=False)[0]
        return self._thumbnails.of(image, self._data(run_id), side)

    def page(self, run_id: str, asked: ImageFilter, page: str) -> dict[str, Any]:
        """Return what a page of images shows.

        Raises:
            HTTPException: there is no such run or page.
        """
        images = self.images(run_id)
        rows = self._store.rows(images, asked)
        number, last = _whole(page or "1", 0), max(1, -(-len(rows) // PER_PAGE))
        if not 1 <= number <= last:
            raise HTTPException(404, f"There are pages 1 to {last} of these images.")
        start = (number - 1) * PER_PAGE
        data = self._data(run_id)
        shown = shown_images(images, rows[start : start + PER_PAGE])
        links = {"first": 1, "previous": number - 1, "next": number + 1, "last": last}
        return {
            "run_id": run_id,
            "asked": asked,
            "images": [(image, self._state(image, data)) for image in shown],
            "data": data,
            "count": len(rows),
            "total": images.count,
            "start": start,
            "page": number,
            "last": last,
            "links": {
                word: f"/runs/{run_id}/images?{urlencode(view_query(asked, target))}"
                for word, target in links.items()
                if 1 <= target <= last and target != number
            },
            "query": urlencode(asked.query),
            "view": urlencode(view_query(asked, number)),
            "proposals": {each.row: each for each in list_proposals(self.home, run_id)},
            **_choices(images),
        }

    def image(self, run_id: str, row: int, asked: ImageFilter) -> dict[str, Any]:
        """Return what the page of one image shows.

        Raises:
            HTTPException: there is no such run or image.
        """
        images = self.images(run_id)
        self._check_row(run_id, images, row)
        rows, data = self._store.rows(images, asked), self._data(run_id)
        image = shown_images(images, [row])[0]
        before, position, after = neighbours(rows, row)
        like = images.others_like(row)
        file = data.file_of(image.path)
        probabilities = images.probabilities_of(row)
        return {
            "run_id": run_id,
            "asked": asked,
            "image": image,
            "data": data,
            "state": data.problem or self._thumbnails.difference(image, file),
            "columns": images.all_of(row),
            "rules": images.rules_of(row),
            "left_out": images.left_out_for(row),
            "probabilities": dict([*probabilities.items()][:CLASSES_SHOWN]),
            "classes": len(probabilities),
            "like": shown_images(images, like[:LIKE_SHOWN], with_answers=False),
            "like_count": len(like),
            "before": before,
            "after": after,
            "position": position,
            "count": len(rows),
            "page": position // PER_PAGE + 1 if position >= 0 else 1,
            "query": urlencode(asked.query),
            "view": urlencode({**asked.query, "row": row}),
            "proposal": {each.row: each for each in list_proposals(self.home, run_id)}.get(row),
            **_choices(images),
        }

    def proposals(self, run_id: str) -> dict[str, Any]:
        """Return what the list of proposals shows."""
        self.images(run_id)
        return {"run_id": run_id, "proposals": list_proposals(self.home, run_id)}

    def who(self, request: Request) -> str:
        """Return who probably sends a request: the name that was given with the token."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return who_am_i()
        try:
            return base64.b64decode(given, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""

    def _state(self, image: ShownImage, data: DataFolder) -> str:
        """Return what can be said about a file without reading it: nothing if it looks the same."""
        if image.error is not None or data.problem:
            return ""
        file = data.file_of(image.path)
        try:
            size = file.stat().st_size if file is not None else None
        except OSError:
            size = None
        if size is None:
            return "gone since the run"
        return "" if size == image.bytes else "changed since the run"

    def _data(self, run_id: str) -> DataFolder:
        with self._finding:
            known = self._folders.get(run_id)
            # One that was not there may be mounted now.
            if known is None or known.problem:
                known = data_folder_of(self.home, self._find_run(run_id).directory)
                self._folders[run_id] = known
            return known

    def _check_row(self, run_id: str, images: RunImages, row: int) -> None:
        if not 0 <= row < images.count:
            raise HTTPException(404, f"Run {run_id} has no image {row}.")


def view_query(asked: ImageFilter, page: int) -> dict[str, str]:
    """Return the query of a page of images."""
    return asked.query | ({"page": str(page)} if page > 1 else {})


def _whole(text: str, otherwise: int) -> int:
    """Return the number that a URL or a form names, within what any number of images can need."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS
    return int(text) if is_number else otherwise


def _choices(images: RunImages) -> dict[str, Any]:
    return {
        "labels": images.names("label")[:CHOICES_SHOWN],
        "splits": images.names("split"),
        "broken": {rule: len(rows) for rule, rows in images.broken.items()},
        "classes_predicted": sorted(images.answers[2])[:CHOICES_SHOWN],
        "answers": ANSWERS,
        "sorts": SORTS,
    }

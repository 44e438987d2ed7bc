"""The query of a URL goes in; which images it asks for, in which order, comes out, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from tasks.errors import UsageError
from tasks.inventory.columns import BYTES, HEIGHT, LABEL, PATH, SPLIT, WIDTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.monitoring.run_images import RunImages

RIGHT, WRONG, UNASKED = ANSWERS = ("right", "wrong", "unasked")
SORTS = {
    "": "path",
    "-probability": "probability, the highest first",
    "probability": "probability, the lowest first",
    "-pixels": "pixels, the largest first",
    "pixels": "pixels, the smallest first",
    "-bytes": "file size, the largest first",
    "bytes": "file size, the smallest first",
}
LONGEST = 500


@dataclass(frozen=True)
class ImageFilter:
    """Which images somebody wants to see; empty values ask for all.

    Attributes:
        label: the class.
        split: train, validation or test.
        rule: of the data gate, which the file broke.
        predicted: the class that the model named.
        answer: right, wrong, or unasked for images that the model did not see.
        score_from: least probability of the predicted class, 0 to 1.
        score_to: greatest.
        side_from: least length of the shorter side, pixels.
        side_to: greatest length of the longer side, pixels.
        text: in the path, in lower or upper case.
        sort: one of `SORTS`.
    """

    label: str = ""
    split: str = ""
    rule: str = ""
    predicted: str = ""
    answer: str = ""
    score_from: float | None = None
    score_to: float | None = None
    side_from: int | None = None
    side_to: int | None = None
    text: str = ""
    sort: str = ""

    @property
    def asks_for_answers(self) -> bool:
        """Whether it needs to know what the model said."""
        scores = (self.score_from, self.score_to)
        return bool(self.predicted or self.answer) or scores != (None, None)

    @property
    def query(self) -> dict[str, str]:
        """The part of a URL that asks for these images; what is at its default is left out."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: str(value) for name, value in values.items() if value not in ("", None)}


def read_filter(query: Mapping[str, str]) -> ImageFilter:
    """Return what the query of a URL asks for.

    Raises:
        UsageError: a number is none, or a choice is unknown.
    """
    texts = {name: query.get(name, "") for name in ("label", "split", "rule", "predicted", "text")}
    asked = ImageFilter(
        **texts,
        answer=_choice(query, "answer", ("", *ANSWERS)),
        sort=_choice(query, "sort", tuple(SORTS)),
        score_from=_number(query, "score_from"),
        score_to=_number(query, "score_to"),
        side_from=_whole(query, "side_from"),
        side_to=_whole(query, "side_to"),
    )
    too_long = [name for name, text in texts.items() if len(text) > LONGEST]
    if too_long:
        raise UsageError(f"{too_long[0]} must have at most {LONGEST} characters.")
    return asked


def choose_rows(images: RunImages, asked: ImageFilter) -> np.ndarray:
    """Return the rows of the images that are asked for, (chosen,) int32, in their order."""
    chosen = np.ones(images.count, bool)
    if asked.label:
        chosen &= images.rows_named(LABEL, asked.label)
    if asked.split:
        chosen &= images.rows_named(SPLIT, asked.split)
    if asked.rule:
        broke = np.zeros(images.count, bool)
        broke[images.broken.get(asked.rule, np.empty(0, int))] = True
        chosen &= broke
    if asked.text:
        found = pc.match_substring(images.column(PATH), asked.text, ignore_case=True)
        chosen &= found.to_numpy(zero_copy_only=False)
    if asked.side_from is not None:
        shorter = np.minimum(images.numbers(HEIGHT), images.numbers(WIDTH))
        chosen &= shorter >= asked.side_from
    if asked.side_to is not None:
        longer = np.maximum(images.numbers(HEIGHT), images.numbers(WIDTH))
        chosen &= (longer >= 0) & (longer <= asked.side_to)
    chosen &= _answered(images, asked)
    rows = np.flatnonzero(chosen).astype(np.int32)
    return _sorted(images, rows, asked.sort)


def _answered(images: RunImages, asked: ImageFilter) -> np.ndarray:
    """Return (images,) bool: what the model said is what is asked for."""
    chosen = np.ones(images.count, bool)
    if not asked.asks_for_answers:
        return chosen
    codes, scores, classes, is_right = images.answers
    if asked.predicted:
        is_known = asked.predicted in classes
        chosen &= codes == classes.index(asked.predicted) if is_known else False
    if asked.answer == UNASKED:
        chosen &= codes < 0
    elif asked.answer:
        chosen &= (codes >= 0) & (is_right == (asked.answer == RIGHT))
    if asked.score_from is not None:
        chosen &= scores >= asked.score_from
    if asked.score_to is not None:
        chosen &= scores <= asked.score_to
    return chosen


def _sorted(images: RunImages, rows: np.ndarray, sort: str) -> np.ndarray:
    """Return rows in an order; those without a value come last, equal ones by their path."""
    name = sort.removeprefix("-")
    if not name:
        return rows
    if name == "probability":
        values = images.answers[1]
    elif name == "bytes":
        values = images.numbers(BYTES).astype(np.float64)
    else:
        values = images.numbers(HEIGHT) * images.numbers(WIDTH).astype(np.float64)
        values[images.numbers(HEIGHT) < 0] = np.nan
    values = values[rows]
    # NaN is sorted last in both directions.
    return rows[np.argsort(-values if sort.startswith("-") else values, kind="stable")]


def _choice(query: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = query.get(name, "")
    if value not in choices:
        named = ", ".join(filter(None, choices))
        raise UsageError(f"{name} must be one of {named}. Received: {value[:LONGEST]}")
    return value


def _number(query: Mapping[str, str], name: str) -> float | None:
    text = query.get(name, "").strip()
    try:
        value = float(text) if text else None
    except ValueError:
        value = math.nan
    if value is not None and not math.isfinite(value):
        raise UsageError(f"{name} must be a number. Received: {text[:LONGEST]}")
    return value


def _whole(query: Mapping[str, str], name: str) -> int | None:
    value = _number(query, name)
    if value is not None and not 0 <= value <= 2**31:
        raise UsageError(f"{name} must be a number of pixels. Received: {value:g}")
    return None if value is None else int(value)

"""A run goes in; the measurements and images that its stages left come out, as charts take them."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.errors import PixelgateError
from tasks.monitoring.series import Series
from tasks.runs.run_folder import CHAMPION_EVALUATION, EVALUATION, GALLERY, HISTORY
from tasks.storage.atomic import read_json

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.runs.summary import RunSummary

# A matrix of more classes is a carpet, and its table no help either.
CLASSES_SHOWN = 50
MEASURES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "robust_accuracy": "accuracy on corrupted images",
}


@dataclass(frozen=True)
class Curves:
    """The course of a training.

    Attributes:
        epochs: from 1.
        series: of each measure, in the order of the file.
    """

    epochs: tuple[int, ...]
    series: tuple[Series, ...]

    def of(self, word: str) -> tuple[Series, ...]:
        """Return the series whose names end in a word, such as loss."""
        return tuple(each for each in self.series if each.name.endswith(word))


@dataclass(frozen=True)
class Confusion:
    """What test images were taken for.

    Attributes:
        classes: of rows and columns.
        counts: images of the row's class that were taken for the column's.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def mistakes(self) -> list[tuple[str, str, int]]:
        """Class, what it was taken for, and how often, the most frequent first."""
        pairs = [
            (label, taken, count)
            for label, row in zip(self.classes, self.counts, strict=True)
            for taken, count in zip(self.classes, row, strict=True)
            if count and label != taken
        ]
        return sorted(pairs, key=lambda pair: -pair[2])


@dataclass(frozen=True)
class Gallery:
    """Images that the gates speak of, as `reporting.gallery_files` left them.

    Attributes:
        sections: of the data gate's rules: rule, description, success, severity, offenders, items.
        newly_wrong: items that only the champion classifies correctly.
        newly_right: items that only the new model does.
    """

    sections: tuple[dict[str, Any], ...] = ()
    newly_wrong: tuple[dict[str, Any], ...] = ()
    newly_right: tuple[dict[str, Any], ...] = ()


def curves_of(run: RunSummary) -> Curves | None:
    """Return the course of a run's training; None if it left none that can be read."""
    try:
        with (run.directory / HISTORY).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        epochs = tuple(int(float(row["epoch"])) + 1 for row in rows)
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return None
    names = [name for name in (rows[0] if rows else {}) if name and name != "epoch"]
    series = (Series(name, tuple(_number(row[name]) for row in rows)) for name in names)
    return Curves(epochs, tuple(series)) if rows else None


def confusion_of(run: RunSummary) -> Confusion | None:
    """Return the confusion matrix of a run's test images; None if there is none worth a look."""
    plain = _read(run.directory / EVALUATION)
    classes, counts = plain.get("classes") or [], plain.get("confusion") or []
    if not 0 < len(classes) <= CLASSES_SHOWN or len(counts) != len(classes):
        return None
    return Confusion(tuple(map(str, classes)), tuple(tuple(map(int, row)) for row in counts))


def measures_of(run: RunSummary) -> list[tuple[str, float, float | None]]:
    """Return name, value and the champion's value of what was measured on the test images."""
    plain, champion = (_read(run.directory / name) for name in (EVALUATION, CHAMPION_EVALUATION))
    return [
        (title, plain[name], champion.get(name))
        for name, title in MEASURES.items()
        if plain.get(name) is not None
    ]


def gallery_of(run: RunSummary) -> Gallery:
    """Return the thumbnails of the images that the gates speak of; an older run has none."""
    plain = _read(run.directory / GALLERY)
    return Gallery(
        tuple(plain.get("sections", ())),
        tuple(plain.get("newly_wrong", ())),
        tuple(plain.get("newly_right", ())),
    )


def _read(file: Path) -> dict[str, Any]:
    # One torn file must not hide the rest of the page.
    try:
        plain = read_json(file)
    except (OSError, ValueError, PixelgateError):
        return {}
    return plain if isinstance(plain, dict) else {}


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None

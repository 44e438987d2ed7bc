"""Evaluations as plain values go in; one table of the accuracies on parts of the test images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CLASS, SLICE, CORRUPTION = "class", "slice", "corruption"


def slice_table(evaluation: Mapping[str, Any], champion: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return both models' accuracies on each class, slice and corruption.

    Args:
        evaluation: the fields of the new model's evaluation; empty if there is none.
        champion: likewise of the model in production.

    Returns:
        kind (class, slice or corruption), name, images, accuracy, and champion: its accuracy, None
        where it was not measured. That of a class is its recall.
    """
    before = {(kind, name): accuracy for kind, name, _, accuracy in _rows(champion)}
    return [
        {
            "kind": kind,
            "name": name,
            "images": images,
            "accuracy": accuracy,
            "champion": before.get((kind, name)),
        }
        for kind, name, images, accuracy in _rows(evaluation)
    ]


def _rows(evaluation: Mapping[str, Any]) -> Iterator[tuple[str, str, int, float]]:
    for row in evaluation.get("per_class", ()):
        yield CLASS, str(row["label"]), int(row["support"]), row["recall"]
    for row in evaluation.get("slices", ()):
        yield SLICE, f"{row['property']} {row['value']}", row["images"], row["accuracy"]
    for row in evaluation.get("robustness", ()):
        name = f"{row['corruption']} {row['severity']}"
        yield CORRUPTION, name, row["images"], row["accuracy"]

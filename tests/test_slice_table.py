"""One table of accuracies on parts of the test images, for programs that read the summary."""

from __future__ import annotations

from typing import Any

from tasks.runs.slice_table import slice_table


def evaluation(accuracy: float) -> dict[str, Any]:
    """Return the parts of an evaluation that the table shows."""
    return {
        "per_class": [{"label": "cat", "support": 30, "recall": accuracy, "f1": 0.1}],
        "slices": [
            {"property": "format", "value": "PNG", "images": 20, "accuracy": accuracy, "low": 0.1}
        ],
        "robustness": [
            {"corruption": "contrast", "severity": 3, "images": 25, "accuracy": accuracy}
        ],
    }


def test_both_models_stand_side_by_side() -> None:
    """Classes, slices and corruptions; what the champion has not seen is null."""
    before = evaluation(0.5)
    before["slices"][0]["value"] = "JPEG"
    assert slice_table(evaluation(0.75), before) == [
        {"kind": "class", "name": "cat", "images": 30, "accuracy": 0.75, "champion": 0.5},
        {"kind": "slice", "name": "format PNG", "images": 20, "accuracy": 0.75, "champion": None},
        {
            "kind": "corruption",
            "name": "contrast 3",
            "images": 25,
            "accuracy": 0.75,
            "champion": 0.5,
        },
    ]
    assert [row["champion"] for row in slice_table(evaluation(0.75), {})] == [None] * 3
    assert slice_table({}, {}) == []

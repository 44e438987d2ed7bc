"""The settings of the evaluate stage."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.config.base import Part, PathName, Positive


class EvaluationConfig(Part):
    """How the test split is evaluated."""

    confidence_level: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.95, description="Confidence level of the accuracy's interval (Wilson)."
    )
    mistakes_shown: Positive = Field(
        40, description="Misclassified images in the report, the most confident first."
    )
    slice_by: list[str] = Field(
        [],
        description="Columns of the manifest by which the test images are sliced, besides class,"
        " folder, size, brightness, contrast, sharpness, format and mode; such as ['camera'].",
    )
    corrupted_images: Annotated[int, Field(ge=0)] | None = Field(
        None,
        description="Test images that are classified under eight corruptions in three severities;"
        " default: a sixteenth of them, 25 to 500; 0 measures no robustness.",
    )
    golden_dir: PathName | None = Field(
        None,
        description="Folder of images, in a folder for each class, that every model must classify"
        " correctly: one that misses any of them is rejected.",
    )

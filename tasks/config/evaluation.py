"""The settings of the evaluate stage."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.config.base import Part, Positive


class EvaluationConfig(Part):
    """How the test split is evaluated."""

    confidence_level: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.95, description="Confidence level of the accuracy's interval (Wilson)."
    )
    mistakes_shown: Positive = Field(
        40, description="Misclassified images in the report, the most confident first."
    )

"""How the test split is evaluated."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.config.base import Part, Positive


class EvaluationConfig(Part):
    """How the test split is read."""

    confidence_level: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.95, description="Of the accuracy's interval (Wilson)."
    )
    mistakes_shown: Positive = Field(
        40, description="Misclassified images shown, the most confident first."
    )

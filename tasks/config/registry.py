"""Where models are registered, and what a model must achieve to become champion."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.config.base import Part


class RegistryConfig(Part):
    """The model gate: what a model must achieve before it becomes champion."""

    tracking_uri: str | None = Field(
        None, description="MLflow tracking URI; default: an SQLite file under home."
    )
    min_accuracy: Annotated[float, Field(ge=0, le=1)] = Field(
        0.5, description="Lowest test accuracy a champion may have."
    )
    max_accuracy_drop: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="How far below the champion's accuracy a new champion may be."
    )
    without_champion: bool = Field(
        default=False,
        description="Judge the new model as if none were in production, such as when the champion's"
        " file is lost.",
    )

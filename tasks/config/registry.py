"""Where models are registered, and what any model must achieve to become champion."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator

from tasks.config.base import Part

# Of MLflow's stores. Any other text it would take for a folder, and start an empty store there.
STORE = re.compile(
    r"(https?|sqlite|(postgresql|mysql|mssql)(\+\w+)?|databricks(-uc)?|uc)://.+|file:.+|databricks"
)


class RegistryConfig(Part):
    """The model gate: what a model must achieve before it becomes champion."""

    tracking_uri: str | None = Field(
        None, description="MLflow tracking URI; default: an SQLite file under home."
    )
    min_accuracy: Annotated[float, Field(ge=0, le=1)] = Field(
        0.5, description="Lowest test accuracy a champion may have."
    )
    without_champion: bool = Field(
        default=False,
        description="Judge the new model as if none were in production, such as when the champion's"
        " file is lost.",
    )

    @field_validator("tracking_uri")
    @classmethod
    def _names_a_store(cls, uri: str | None) -> str | None:
        if uri is not None and not STORE.fullmatch(uri):
            raise ValueError(
                "an MLflow tracking URI begins with http://, https://, sqlite:///, postgresql://,"
                " mysql://, mssql://, file: or databricks"
            )
        return uri

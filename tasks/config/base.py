"""What every group of settings is made of: the frozen base and the types its fields share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

# The description belongs to the type: a rule that only changes the default keeps it.
Severity = Annotated[
    Literal["critical", "warning", "info"],
    Field(description="A critical failure stops the run; warning and info are only reported."),
]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
LEARN = "learn"


def _as_square(value: object) -> object:
    """Expand one number to a height and an equal width."""
    return (value, value) if isinstance(value, int) else value


Size = Annotated[tuple[Positive, Positive], BeforeValidator(_as_square)]


def _not_blank(value: object) -> object:
    """Refuse an empty path, which would mean the working directory."""
    if isinstance(value, str) and not value.strip():
        raise ValueError("the path is empty")
    return value


PathName = Annotated[Path, BeforeValidator(_not_blank)]


class Part(BaseModel):
    """A frozen group of settings that rejects unknown names."""

    # A misspelled setting must be an error: ignored, it would leave the default in force.
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

"""What every group of settings is made of: the frozen base and the types its fields share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Severity = Literal["critical", "warning", "info"]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
LEARN = "learn"


def _square(value: object) -> object:
    """Let one number stand for a square."""
    return (value, value) if isinstance(value, int) else value


Size = Annotated[tuple[Positive, Positive], BeforeValidator(_square)]


class Part(BaseModel):
    """A frozen group of settings that refuses names it doesn't know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

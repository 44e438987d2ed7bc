"""Who is notified of how a run ended."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.config.base import Part
from tasks.outcome import Outcome


class NotifyConfig(Part):
    """Who is told how a run ended."""

    on_outcome: str | None = Field(
        None,
        description="A command (the summary is its standard input) or an http(s) URL (the summary"
        " is posted), as JSON.",
    )
    outcomes: list[Outcome] = Field(
        [outcome for outcome in Outcome if outcome.is_bad],
        description="The outcomes on_outcome is called for.",
    )
    timeout: Annotated[float, Field(gt=0)] = Field(
        30.0, description="Seconds the command or the URL may take."
    )

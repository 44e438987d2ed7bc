"""Who is notified of the outcome of a run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from tasks.config.base import Part
from tasks.outcome import Outcome


class NotifyConfig(Part):
    """Who is notified of the outcome of a run."""

    on_outcome: str | None = Field(
        None,
        description="A command that reads the summary on its standard input, or an http(s) URL that"
        " it is posted to, as JSON; or an Apprise URL of a chat or mail service, such as slack://...,"
        " which receives the message as text.",
    )
    outcomes: list[Outcome] = Field(
        [outcome for outcome in Outcome if outcome.is_bad],
        description="Outcomes that are notified of.",
    )
    timeout: Annotated[float, Field(gt=0)] = Field(
        30.0,
        description="Seconds after which a notification is given up; the command is killed then.",
    )

    @field_validator("on_outcome")
    @classmethod
    def _is_not_blank(cls, target: str | None) -> str | None:
        if target is not None and not target.strip():
            raise ValueError("it is blank. Leave it out if nobody is to be notified")
        return target

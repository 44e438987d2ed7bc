"""What housekeeping removes, and after how long."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.config.base import Part, Positive

Days = Annotated[float, Field(ge=0)]


class HousekeepingConfig(Part):
    """What `pixelgate housekeeping` removes; what is or ever was in production always stays."""

    keep_runs: Positive = Field(
        100, description="Runs of each model that are kept, the newest ones; older ones go."
    )
    keep_days: Days = Field(
        90.0,
        description="Days after which a run goes, even if there are fewer than keep_runs; so do its"
        " run in MLflow and old flow runs in Prefect.",
    )
    versions: bool = Field(
        default=True,
        description="Remove the registered version of a run that goes, with its files; if off, runs"
        " that made a version stay.",
    )
    cache_gib: Annotated[float, Field(ge=0)] = Field(
        20.0,
        description="Most GiB that the caches of a home may fill together; what was not used for"
        " the longest time goes first, and is made again when it is needed.",
    )
    cache_days: Days = Field(
        30.0, description="Days after which a cached result that was not used goes."
    )
    damaged_days: Days = Field(
        30.0, description="Days after which a damaged file that was set aside goes."
    )

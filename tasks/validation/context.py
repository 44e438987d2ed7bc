"""What a verdict depends on beside the data and the limits: what was accepted and said before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.validation.baseline import list_baselines
from tasks.validation.overrides import list_overrides
from tasks.validation.quarantine import list_cleared

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config import RetrainConfig
    from tasks.validation.baseline import Baseline
    from tasks.validation.overrides import Override


@dataclass(frozen=True)
class Context:
    """What is known of the data from before.

    Attributes:
        baselines: the accepted inventories that are remembered, the newest first.
        champion_classes: those of the model in production; None without one.
        cleared: contents an operator cleared from quarantine.
        overrides: verdicts that were overruled, the newest first.
        memory: folder that remembers costly answers about the same data; None remembers nothing.
        now: the time staleness is told by.
    """

    baselines: tuple[Baseline, ...] = ()
    champion_classes: tuple[str, ...] | None = None
    cleared: frozenset[str] = frozenset()
    overrides: tuple[Override, ...] = ()
    memory: Path | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def baseline(self) -> Baseline | None:
        """The last accepted inventory."""
        return self.baselines[0] if self.baselines else None


def gather_context(config: RetrainConfig, *, champion_classes: tuple[str, ...] | None) -> Context:
    """Read what is remembered of a model's data.

    Args:
        config: name and home.
        champion_classes: as the registry tells them.
    """
    return Context(
        baselines=tuple(list_baselines(config)),
        champion_classes=champion_classes,
        cleared=frozenset(list_cleared(config)),
        overrides=tuple(list_overrides(config)),
        memory=config.state / "inventory",
    )

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

    from tasks.storage.home import Home
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
        cache_dir: folder that caches costly answers about the same data; None caches nothing.
        now: the time staleness is told by.
    """

    baselines: tuple[Baseline, ...] = ()
    champion_classes: tuple[str, ...] | None = None
    cleared: frozenset[str] = frozenset()
    overrides: tuple[Override, ...] = ()
    cache_dir: Path | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def baseline(self) -> Baseline | None:
        """The last accepted inventory."""
        return self.baselines[0] if self.baselines else None


def gather_context(home: Home, *, champion_classes: tuple[str, ...] | None) -> Context:
    """Read what is remembered of a model's data.

    Args:
        home: of the model.
        champion_classes: as the registry tells them.
    """
    return Context(
        baselines=tuple(list_baselines(home)),
        champion_classes=champion_classes,
        cleared=frozenset(list_cleared(home)),
        overrides=tuple(list_overrides(home)),
        cache_dir=home.inventory,
    )

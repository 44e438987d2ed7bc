"""A model's home goes in; what a verdict depends on besides data and settings comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tasks.validation.baseline import list_baselines
from tasks.validation.overrides import list_overrides
from tasks.validation.quarantine import list_cleared

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.inventory.embeddings import Embeddings
    from tasks.storage.home import Home
    from tasks.validation.baseline import Baseline
    from tasks.validation.overrides import Override


@dataclass(frozen=True)
class Context:
    """What was accepted and decided before.

    Attributes:
        baselines: the remembered baselines, newest first.
        champion_classes: classes of the model in production; None without one.
        cleared: contents that an operator cleared from quarantine.
        overrides: overruled verdicts, newest first.
        cache_dir: folder that caches expensive results for the same data; None for no cache.
        now: the time at which staleness is measured.
        value_range: what images of more than 8 bits are scaled from; None as they suggest.
        input_side: the shorter side of the model's input, pixels; None as the images suggest.
        embedding: how the images are embedded, by name; None where they are not.
        embeddings: those of the inventory; None where there are none, or nothing is judged anew.
    """

    baselines: tuple[Baseline, ...] = ()
    champion_classes: tuple[str, ...] | None = None
    cleared: frozenset[str] = frozenset()
    overrides: tuple[Override, ...] = ()
    cache_dir: Path | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    input_side: int | None = None
    embedding: str | None = None
    embeddings: Embeddings | None = None
    value_range: tuple[float, float] | None = None

    @property
    def baseline(self) -> Baseline | None:
        """The last accepted inventory."""
        return self.baselines[0] if self.baselines else None


def gather_context(home: Home, *, champion_classes: tuple[str, ...] | None) -> Context:
    """Read everything that is remembered about a model's data.

    Args:
        home: of the model.
        champion_classes: classes of the model in production; None without one.
    """
    return Context(
        baselines=tuple(list_baselines(home)),
        champion_classes=champion_classes,
        cleared=frozenset(list_cleared(home)),
        overrides=tuple(list_overrides(home)),
        cache_dir=home.inventory,
    )

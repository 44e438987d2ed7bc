"""A model's runs and ledger go in; its versions, and when each was in production, come out.

Read from files alone: MLflow takes seconds to import, and a page must not wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.monitoring.model_names import newest_ledger
from tasks.monitoring.model_trends import folder_sizes
from tasks.outcome import Outcome
from tasks.registry.decision_ledger import read_ledger
from tasks.registry.reigns import reigns_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home


@dataclass(frozen=True)
class VersionLine:
    """A version of a model.

    Attributes:
        version: its number.
        run: that made it; None if it is gone.
        made: when that run ended, UTC.
        terms: when it was in production: beginnings and ends, ISO 8601; an end of None is now.
        model_bytes: of its file in the run's folder; None if it isn't there.
    """

    version: str
    run: RunSummary | None
    made: datetime | None
    terms: tuple[tuple[str, str | None], ...]
    model_bytes: int | None

    @property
    def is_live(self) -> bool:
        """Whether it is in production."""
        return any(end is None for _, end in self.terms)


def versions_of(home: Home, summaries: Sequence[RunSummary]) -> list[VersionLine]:
    """Return the versions of a model, the newest first.

    Args:
        home: of the model.
        summaries: of its runs.

    Raises:
        DamagedFileError: the ledger was changed or is torn.
    """
    made = {
        each.model_version: each
        for each in summaries
        if each.model_version and each.outcome is not Outcome.UNCHANGED
    }
    terms: dict[str, list[tuple[str, str | None]]] = {}
    for reign in reigns_of(read_ledger(newest_ledger(home))):
        if reign.version is not None:
            terms.setdefault(str(reign.version), []).append((reign.since, reign.until))
    return [
        _line(version, made.get(version), terms.get(version, []))
        for version in sorted({*made, *terms}, key=_in_order, reverse=True)
    ]


def _line(version: str, run: RunSummary | None, terms: list[tuple[str, str | None]]) -> VersionLine:
    sizes = folder_sizes(run.directory) if run else (0, 0)
    return VersionLine(
        version=version,
        run=run,
        made=run.finished if run else None,
        terms=tuple(terms),
        model_bytes=sizes[1] or None,
    )


def _in_order(version: str) -> tuple[int, str]:
    return int(version) if version.isdecimal() else 0, version

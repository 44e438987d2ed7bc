"""A request for the history of runs goes in; one page of it comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.errors import UsageError
from tasks.monitoring.run_selection import RunSelection, rules_failed_in, select_runs, sort_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.runs.summary import RunSummary

PER_PAGE = 50


@dataclass(frozen=True)
class HistoryPage:
    """A page of the history.

    Attributes:
        selection: what was looked for.
        sort: one of `run_selection.SORTS`.
        order: asc or desc.
        number: of the page, from 1.
        shown: its runs.
        count: runs on all pages.
        names: models to choose from.
        rules: failed rules to choose from.
        problem: why nothing could be looked for; empty if it could.
    """

    selection: RunSelection
    sort: str
    order: str
    number: int
    shown: tuple[RunSummary, ...]
    count: int
    names: tuple[str, ...]
    rules: tuple[str, ...]
    problem: str = ""

    @property
    def last(self) -> int:
        """Number of the last page."""
        return max(1, -(-self.count // PER_PAGE))


def history_page(
    summaries: Sequence[RunSummary], selection: RunSelection, *, sort: str, order: str, number: int
) -> HistoryPage:
    """Return one page of the runs that fit.

    Args:
        summaries: of all runs, the newest first.
        selection: what is looked for.
        sort: one of `run_selection.SORTS`.
        order: asc or desc.
        number: of the page, from 1.
    """
    problem, found = "", []
    try:
        found = select_runs(summaries, selection)
    except UsageError as error:
        problem = str(error)
    # As they come, the newest is first.
    if (sort, order) != ("run", "desc"):
        found = sort_runs(found, sort, is_descending=order == "desc")
    return HistoryPage(
        selection=selection,
        sort=sort,
        order=order,
        number=number,
        shown=tuple(found[(number - 1) * PER_PAGE : number * PER_PAGE]),
        count=len(found),
        names=tuple(sorted({run.name for run in summaries if run.name})),
        rules=tuple(rules_failed_in(summaries)),
        problem=problem,
    )

"""A home goes in; the names of the models that it knows come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.config.installed_models import installed_names

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home


def model_names(home: Home, summaries: Iterable[RunSummary]) -> list[str]:
    """Return the models that have runs or decisions in a home, or are installed there, sorted.

    Args:
        home: of any of them.
        summaries: of all runs of the home.
    """
    of_runs = {summary.name for summary in summaries if summary.name}
    of_ledgers = {file.stem.partition("@")[0] for file in _ledgers(home, "*")}
    return sorted(of_runs | of_ledgers | {*installed_names(home)})


def newest_ledger(home: Home) -> Path:
    """Return the ledger of this model that was written last; each store has one of its own."""
    files = [file for file in _ledgers(home, home.name) if file.stem == home.name]
    files += _ledgers(home, f"{home.name}@*")
    return max(files, key=lambda file: file.stat().st_mtime_ns, default=home.ledger())


def _ledgers(home: Home, pattern: str) -> list[Path]:
    return sorted(home.ledger().parent.glob(f"{pattern}.jsonl"))

"""A model's runs go in; what keeps each of them, whatever its age, comes out."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.errors import PixelgateError
from tasks.outcome import Outcome
from tasks.registry.ever_in_production import ever_in_production, ledgers_of
from tasks.registry.version_list import list_versions
from tasks.storage.atomic import read_json
from tasks.validation.baseline import RECORD

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from tasks.registry.ever_in_production import EverInProduction
    from tasks.registry.mlflow_store import ModelStore
    from tasks.registry.version_list import VersionRow
    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home

# A gate holds no lock, and neither does a run of another machine that shares the disk.
QUIET_SECONDS = 600.0


@dataclass(frozen=True)
class Remembered:
    """What a home and its store know of a model's runs.

    Attributes:
        summaries: the newest first.
        versions: by the run that made each.
        in_production: what the ledgers name.
        baselines: ids of the runs whose data is a remembered baseline.
    """

    summaries: tuple[RunSummary, ...]
    versions: dict[str, VersionRow]
    in_production: EverInProduction
    baselines: frozenset[str]


def remember(store: ModelStore, summaries: Iterable[RunSummary]) -> Remembered:
    """Gather what is known of a model's runs.

    Args:
        store: of the model.
        summaries: of its runs, the newest first.

    Raises:
        DamagedFileError: a ledger is damaged, so that it can't be told what was in production.
    """
    return Remembered(
        summaries=tuple(summaries),
        versions={row.run: row for row in list_versions(store) if row.run},
        in_production=ever_in_production(*ledgers_of(store.home)),
        baselines=_baseline_runs(store.home),
    )


def reasons_to_stay(known: Remembered, asked: Collection[str]) -> dict[str, str]:
    """Return why some of the runs stay whatever their age, by their ids; the others may go.

    Args:
        known: of all runs of the model.
        asked: ids of those that are asked about.
    """
    reasons: dict[str, str] = {}
    for summary in (each for each in known.summaries if each.run_id in asked):
        found = (question(known, summary) for question in QUESTIONS)
        reason = next(filter(None, found), None)
        if reason is not None:
            reasons[summary.run_id] = reason
    return reasons


def is_being_written(folder: Path) -> bool:
    """Return whether a file of a run was written in the last ten minutes."""
    newest = 0.0
    for path in (folder, *folder.rglob("*")):
        with suppress(OSError):
            newest = max(newest, path.lstat().st_mtime)
    return time.time() - newest < QUIET_SECONDS


def _has_alias(known: Remembered, run: RunSummary) -> str | None:
    row = known.versions.get(run.run_id)
    return f"version {row.version} is {' and '.join(row.aliases)}" if row and row.aliases else None


def _was_in_production(known: Remembered, run: RunSummary) -> str | None:
    row = known.versions.get(run.run_id)
    named = known.in_production
    # A run that ended as unchanged names the champion too, which another run made.
    of_summary = None if run.outcome is Outcome.UNCHANGED else run.model_version
    version = row.version if row else of_summary
    if run.run_id in named.runs or version in named.versions:
        return f"version {version or '?'} was in production"
    return None


def _was_promoted(known: Remembered, run: RunSummary) -> str | None:
    # Also where the ledger was begun anew: a store without a champion is checked against this.
    row = known.versions.get(run.run_id)
    is_promoted = Outcome.PROMOTED in (run.outcome, row.outcome if row else None)
    return "it was promoted" if is_promoted else None


def _waits_for_approval(known: Remembered, run: RunSummary) -> str | None:
    row = known.versions.get(run.run_id)
    if Outcome.AWAITING_APPROVAL not in (run.outcome, row.outcome if row else None):
        return None
    version = row.version if row else run.model_version
    if version is None or not version.isdecimal():
        return None
    # Whoever promoted a later version has decided on the earlier ones.
    later = max((int(each) for each in known.in_production.versions if each.isdecimal()), default=0)
    return f"version {version} waits for approval" if int(version) > later else None


def _is_baseline(known: Remembered, run: RunSummary) -> str | None:
    return "its data is what later data is compared with" if run.run_id in known.baselines else None


def _is_newest(known: Remembered, run: RunSummary) -> str | None:
    return "the newest run" if run is known.summaries[0] else None


def _newest(wanted: Callable[[RunSummary], bool], runs: Sequence[RunSummary]) -> RunSummary | None:
    return next((each for each in runs if wanted(each)), None)


def _is_newest_judged(known: Remembered, run: RunSummary) -> str | None:
    # By it a later run of the same recipe knows that there is nothing new to learn.
    newest = _newest(lambda each: each.outcome.is_judged, known.summaries)
    return "the newest run that the model gate judged" if run is newest else None


def _is_newest_accepted(known: Remembered, run: RunSummary) -> str | None:
    newest = _newest(
        lambda each: each.outcome.accepts_data or each.outcome is Outcome.ACCEPTED, known.summaries
    )
    return "the newest run whose data was accepted" if run is newest else None


def _is_in_progress(_known: Remembered, run: RunSummary) -> str | None:
    return "its files were written just now" if is_being_written(run.directory) else None


# What matters most is said first.
QUESTIONS = (
    *(_has_alias, _was_in_production, _was_promoted, _waits_for_approval, _is_baseline),
    *(_is_newest, _is_newest_judged, _is_newest_accepted, _is_in_progress),
)


def _baseline_runs(home: Home) -> frozenset[str]:
    runs: set[str] = set()
    for file in home.baselines.glob(f"[0-9]*/{RECORD}"):
        # A damaged one is named by the gate, which can't do without it.
        with suppress(PixelgateError, OSError, KeyError, TypeError):
            runs.add(str(read_json(file)["run_id"]))
    return frozenset(runs)

"""Verdicts by key: what was judged before, by the same rules and in the same light, is not again.

A gate in CI or a nightly run mostly sees the data it saw before. Its verdict, with all the evidence
and Data Docs, is kept under a hash of everything that it depends on, and copied instead of made.
"""

from __future__ import annotations

import shutil
from importlib.metadata import version
from typing import TYPE_CHECKING

from tasks.runs.fingerprint import code_version
from tasks.runs.result_store import copy_result, stale_folders
from tasks.storage.atomic import CHECKSUMS, atomic_folder
from tasks.storage.checked import believe_folder, rows_digest
from tasks.storage.hashing import digest, file_digest
from tasks.storage.locks import file_lock
from tasks.validation.derived_columns import days_since_new
from tasks.validation.learned_thresholds import learned_thresholds
from tasks.validation.verdict import read_verdict, write_verdict

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from tasks.config.gate import GateConfig
    from tasks.storage.home import Home
    from tasks.validation.context import Context
    from tasks.validation.verdict import Verdict

# A gate and a run of the same data often differ in their settings; more are hardly seen again.
KEPT = 4
# They decode what is judged, and judge it.
LIBRARIES = ("great-expectations", "pandas", "pillow", "numpy", "scikit-learn", "cleanlab")
STALENESS = "staleness"


def verdict_key(inventory: pd.DataFrame, gate: GateConfig, context: Context) -> str | None:
    """Return a hash of everything a verdict depends on but the time.

    Args:
        inventory: as `take_inventory` returns it.
        gate: severity and threshold of each rule.
        context: what was accepted, cleared and overruled before.

    Returns:
        64 hexadecimal digits; None with suites of the user's, which may look at anything.
    """
    if gate.suites:
        return None
    facts = {str(name): value for name, value in inventory.attrs.items() if name != "root"}
    return digest(
        [
            rows_digest(inventory),
            facts,
            gate.model_dump(mode="json"),
            [file_digest(baseline.folder / CHECKSUMS) for baseline in context.baselines],
            context.champion_classes,
            sorted(context.cleared),
            [override.model_dump(mode="json") for override in context.overrides],
            context.input_side,
            context.value_range,
            context.embedding,
            code_version(),
            {name: version(name) for name in LIBRARIES},
        ]
    )


def reuse_verdict(  # noqa: PLR0913 - whose verdict, of what, by what, and where to
    home: Home,
    key: str | None,
    inventory: pd.DataFrame,
    gate: GateConfig,
    context: Context,
    *,
    directory: Path,
) -> Verdict | None:
    """Copy a kept verdict with its evidence into a run's folder, and bring its age up to date.

    Args:
        home: of the model.
        key: of the verdict.
        inventory: what is judged.
        gate: severity and threshold of each rule.
        context: what was accepted before, and the time.
        directory: of the evidence; there must be none yet.

    Returns:
        The verdict; None where none is kept, where it is damaged, or where time has changed it.
    """
    if key is None or directory.exists():
        return None
    # Another gate of this data may be replacing or pruning it.
    with file_lock(home.judged):
        if not believe_folder(home.verdict(key)):
            return None
        copy_result(home.verdict(key), directory)
    # Of the copy, whose verdict is about to change.
    (directory / CHECKSUMS).unlink()
    verdict = _of_today(read_verdict(directory), inventory, gate, context)
    if verdict is None:
        shutil.rmtree(directory)
        return None
    write_verdict(directory, verdict)
    return verdict


def keep_verdict(home: Home, key: str | None, directory: Path) -> None:
    """Keep a copy of a verdict and its evidence, and remove all but the last few.

    Args:
        home: of the model.
        key: of the verdict; None for one that is not to be kept.
        directory: of the evidence.
    """
    if key is None:
        return
    folder = home.verdict(key)
    with file_lock(home.judged):
        shutil.rmtree(folder, ignore_errors=True)
        with atomic_folder(folder, sealed=True) as copy:
            shutil.copytree(directory, copy, dirs_exist_ok=True)
        for stale in stale_folders(home.judged, kept=KEPT):
            shutil.rmtree(stale, ignore_errors=True)


def _of_today(
    verdict: Verdict, inventory: pd.DataFrame, gate: GateConfig, context: Context
) -> Verdict | None:
    """Return the verdict with today's age of the newest image; None if that breaks the rule."""
    days = days_since_new(inventory, context)
    if days is None:
        return verdict
    lowest = float(days.fillna(0.0).min())
    settings, _ = learned_thresholds(gate, context.baselines)
    fresh = lowest <= float(settings.staleness.max_days)
    if any(each.rule == STALENESS and each.success != fresh for each in verdict.findings):
        return None
    today = {"observed": f"{lowest:.4g}", "value": lowest}
    findings = tuple(
        each.model_copy(update=today) if each.rule == STALENESS else each
        for each in verdict.findings
    )
    return verdict.model_copy(update={"findings": findings})

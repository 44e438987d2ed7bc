"""Offending files go in; the files that are left out come out, and whether they are too many.

No file of the user's is moved: the list of those left out is made again in every run, so a file
that has been fixed, or that an operator cleared, is used again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.errors import UsageError
from tasks.inventory.columns import ERROR, LABEL, PATH
from tasks.storage.checked import believe_json, write_checked_json
from tasks.storage.locks import file_lock
from tasks.validation.baseline import CONTENT, content_of
from tasks.validation.evidence import RULE, RULES
from tasks.validation.verdict import Finding, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.config.gate import GateConfig
    from tasks.storage.home import Home
    from tasks.validation.verdict import Verdict

# The record under home lists the files that the last run left out, and those an operator cleared.
FILES, CLEARED = "files", "cleared"
READABLE, SINCE = "readable", "since"


def is_quarantined(rule: str, settings: GateConfig) -> bool:
    """Return whether a rule leaves files out instead of failing."""
    return bool(getattr(getattr(settings, rule, None), "quarantine", False))


def choose_quarantine(offenders: pd.DataFrame, settings: GateConfig) -> pd.DataFrame:
    """Return path and rules of the files that are left out, one row per file.

    Args:
        offenders: rule and path of every offending file.
        settings: which rules quarantine.
    """
    quarantining = [rule for rule in offenders[RULE].unique() if is_quarantined(rule, settings)]
    chosen = offenders[offenders[RULE].isin(quarantining)]
    rules = chosen.groupby(PATH)[RULE].agg(lambda broken: ", ".join(sorted(set(broken))))
    return rules.rename(RULES).reset_index().astype("str")


def check_caps(
    inventory: pd.DataFrame, left_out: pd.DataFrame, settings: GateConfig
) -> tuple[Finding, ...]:
    """Return a finding that fails if too many files are left out; no finding if none are."""
    if left_out.empty:
        return ()
    caps = settings.quarantine
    is_left_out = inventory[PATH].isin(set(left_out[PATH]))
    # By class too: few files of the whole can be most of a small class.
    by_class = is_left_out.groupby(inventory[LABEL].fillna("without a label")).mean()
    over = by_class[by_class > caps.max_share_per_class].sort_values(ascending=False)
    share = float(is_left_out.mean())
    return (
        Finding(
            rule="quarantine",
            expectation="quarantined_share_to_be_at_most",
            severity="critical",
            success=share <= caps.max_share and over.empty,
            description=f"At most {caps.max_share:.1%} of all files, and"
            f" {caps.max_share_per_class:.1%} of a class, are left out.",
            threshold=f"max_share {caps.max_share}, per class {caps.max_share_per_class}",
            observed=f"{counted(len(left_out), 'file')}, {share:.1%} of all",
            remedy="Fix the listed files, or raise gate.quarantine.max_share and"
            " gate.quarantine.max_share_per_class.",
            offenders=len(over),
            examples=tuple(f"class {label}: {part:.1%}" for label, part in over.head(10).items()),
        ),
    )


def drop_quarantined(inventory: pd.DataFrame, verdict: Verdict) -> pd.DataFrame:
    """Return the rows of an inventory that a verdict admits to the run."""
    left_out = set(pd.read_parquet(verdict.quarantine)[PATH])
    return inventory[~inventory[PATH].isin(left_out)].reset_index(drop=True)


def record_quarantine(home: Home, inventory: pd.DataFrame, verdict: Verdict) -> None:
    """Remember which files are left out now, and since when; forget those that are not any more."""
    with file_lock(home.quarantine):
        _record_quarantine(home, inventory, verdict)


def _record_quarantine(home: Home, inventory: pd.DataFrame, verdict: Verdict) -> None:
    left_out = pd.read_parquet(verdict.quarantine).set_index(PATH)[RULES]
    record = _read(home)
    # By content too: other content under the same path is quarantined from now on.
    since = {(row[PATH], row[CONTENT]): row[SINCE] for row in record[FILES]}
    rows = inventory[inventory[PATH].isin(left_out.index)]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record[FILES] = [
        {
            PATH: path,
            CONTENT: content,
            READABLE: readable,
            RULES: left_out[path],
            SINCE: since.get((path, content), now),
        }
        for path, content, readable in zip(
            rows[PATH], content_of(rows), rows[ERROR].isna().tolist(), strict=True
        )
    ]
    _write(home, record)


def list_quarantine(home: Home) -> list[dict[str, Any]]:
    """Return path, rules, since and readable of each file that the last run left out."""
    return list(_read(home)[FILES])


def list_cleared(home: Home) -> list[str]:
    """Return the contents that an operator cleared."""
    return [row[CONTENT] for row in _read(home)[CLEARED]]


def clear_quarantine(home: Home, paths: Sequence[str]) -> list[str]:
    """Admit files to the next run whatever the rules say; all readable ones if none is named.

    A file is cleared by its content: another content under the same path is judged again.

    Returns:
        The cleared paths.

    Raises:
        UsageError: a path is not in quarantine, or its file can't be read at all.
    """
    with file_lock(home.quarantine):
        return _clear_quarantine(home, paths)


def _clear_quarantine(home: Home, paths: Sequence[str]) -> list[str]:
    record = _read(home)
    files = {row[PATH]: row for row in record[FILES]}
    chosen = list(paths) or [path for path, row in files.items() if row[READABLE]]
    for path in chosen:
        if path not in files:
            raise UsageError(
                f"{path} is not in quarantine. `pixelgate quarantine list` shows which files are;"
                " paths are relative to the data folder."
            )
        if not files[path][READABLE]:
            raise UsageError(
                f"{path} can't be read, so it can't be used for training. Fix the file; the next"
                " run uses it again."
            )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record[CLEARED] += [{**files[path], CLEARED: now} for path in chosen]
    record[FILES] = [row for path, row in files.items() if path not in chosen]
    _write(home, record)
    return chosen


def _read(home: Home) -> dict[str, list[dict[str, Any]]]:
    return believe_json(home.quarantine) or {FILES: [], CLEARED: []}


def _write(home: Home, record: dict[str, Any]) -> None:
    write_checked_json(home.quarantine, record)

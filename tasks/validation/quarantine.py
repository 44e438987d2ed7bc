"""Offending files go in; which are left out of the run, and whether they are too many, comes out.

Nothing of the user's is moved: a file is left out by a list, made anew in every run, so that a file
that was mended is back by itself, and one that an operator cleared as well.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.errors import UsageError
from tasks.inventory.columns import ERROR, LABEL, PATH
from tasks.storage.atomic import read_json, write_json
from tasks.validation.baseline import content_of
from tasks.validation.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.config.gate import GateConfig
    from tasks.storage.home import Home
    from tasks.validation.verdict import Verdict

RULES = "rules"


def is_quarantined(rule: str, settings: GateConfig) -> bool:
    """Tell whether a rule leaves files out instead of failing."""
    return bool(getattr(getattr(settings, rule, None), "quarantine", False))


def choose_quarantine(offenders: pd.DataFrame, settings: GateConfig) -> pd.DataFrame:
    """Return path and rules of the files that are left out, a row a file.

    Args:
        offenders: rule and path of every offending file.
        settings: which rules quarantine.
    """
    quarantining = [rule for rule in offenders["rule"].unique() if is_quarantined(rule, settings)]
    chosen = offenders[offenders["rule"].isin(quarantining)]
    rules = chosen.groupby("path")["rule"].agg(lambda found: ", ".join(sorted(set(found))))
    return rules.rename(RULES).reset_index().astype("str")


def check_caps(
    inventory: pd.DataFrame, left_out: pd.DataFrame, settings: GateConfig
) -> tuple[Finding, ...]:
    """Return a finding that fails when too many files are left out; none when none are."""
    if left_out.empty:
        return ()
    caps = settings.quarantine
    taken = inventory[PATH].isin(set(left_out["path"]))
    by_class = taken.groupby(inventory[LABEL].fillna("without a label")).mean()
    over = by_class[by_class > caps.max_share_per_class].sort_values(ascending=False)
    share = float(taken.mean())
    return (
        Finding(
            rule="quarantine",
            expectation="quarantined_share_to_be_at_most",
            severity="critical",
            success=share <= caps.max_share and over.empty,
            description=f"At most {caps.max_share:.1%} of all files, and"
            f" {caps.max_share_per_class:.1%} of a class, are left out.",
            threshold=f"max_share {caps.max_share}, per class {caps.max_share_per_class}",
            observed=f"{len(left_out)} files, {share:.1%} of all",
            remedy="Mend the files that are listed, or raise gate.quarantine.max_share and"
            " gate.quarantine.max_share_per_class.",
            offenders=len(over),
            examples=tuple(f"class {label}: {part:.1%}" for label, part in over.head(10).items()),
        ),
    )


def drop_quarantined(inventory: pd.DataFrame, verdict: Verdict) -> pd.DataFrame:
    """Return the rows of an inventory that a verdict lets into the run."""
    left_out = set(pd.read_parquet(verdict.quarantine)["path"])
    return inventory[~inventory[PATH].isin(left_out)].reset_index(drop=True)


def record_quarantine(home: Home, inventory: pd.DataFrame, verdict: Verdict) -> None:
    """Remember which files are left out now, and since when; those that are back are forgotten."""
    left_out = pd.read_parquet(verdict.quarantine).set_index("path")[RULES]
    record = _read(home)
    known = {(row["path"], row["content"]): row["since"] for row in record["files"]}
    rows = inventory[inventory[PATH].isin(left_out.index)]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record["files"] = [
        {
            "path": path,
            "content": content,
            "readable": readable,
            "rules": left_out[path],
            "since": known.get((path, content), now),
        }
        for path, content, readable in zip(
            rows[PATH], content_of(rows), rows[ERROR].isna().tolist(), strict=True
        )
    ]
    _write(home, record)


def list_quarantine(home: Home) -> list[dict[str, Any]]:
    """Return path, rules, since and readable of each file that the last run left out."""
    return list(_read(home)["files"])


def list_cleared(home: Home) -> list[str]:
    """Return the contents that an operator cleared."""
    return [row["content"] for row in _read(home)["cleared"]]


def clear_quarantine(home: Home, paths: Sequence[str]) -> list[str]:
    """Let files back into the next run, whatever the rules say of them; all if none is named.

    A file is cleared by its content: another content under its name is judged anew.

    Returns:
        The paths that were cleared.

    Raises:
        UsageError: a path is not in quarantine, or its file can't be read at all.
    """
    record = _read(home)
    files = {row["path"]: row for row in record["files"]}
    chosen = list(paths) or [path for path, row in files.items() if row["readable"]]
    for path in chosen:
        if path not in files:
            raise UsageError(
                f"{path} is not in quarantine. `pixelgate quarantine list` shows what is; paths are"
                " relative to the data folder."
            )
        if not files[path]["readable"]:
            raise UsageError(
                f"{path} can't be read, so that no word lets it into a training. Mend the file; it"
                " is back in the next run by itself."
            )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record["cleared"] += [{**files[path], "cleared": now} for path in chosen]
    record["files"] = [row for path, row in files.items() if path not in chosen]
    _write(home, record)
    return chosen


def _read(home: Home) -> dict[str, list[dict[str, Any]]]:
    file = home.quarantine
    found: dict[str, Any] = read_json(file) if file.exists() else {"files": [], "cleared": []}
    return found


def _write(home: Home, record: dict[str, Any]) -> None:
    write_json(home.quarantine, record)

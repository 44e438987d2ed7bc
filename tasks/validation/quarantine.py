"""Offending files go in; which are left out of the run, and whether they are too many, comes out.

Nothing of the user's is moved: a file is left out by a list, made anew in every run, so that a file
that was mended is back by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tasks.inventory.columns import LABEL, PATH
from tasks.validation.verdict import Finding

if TYPE_CHECKING:
    from tasks.config import GateConfig
    from tasks.validation.verdict import Verdict


def is_quarantined(rule: str, settings: GateConfig) -> bool:
    """Tell whether a rule leaves files out instead of failing."""
    return bool(getattr(getattr(settings, rule), "quarantine", False))


def choose_quarantine(offenders: pd.DataFrame, settings: GateConfig) -> pd.DataFrame:
    """Return path and rules of the files that are left out, a row a file.

    Args:
        offenders: rule and path of every offending file.
        settings: which rules quarantine.
    """
    quarantining = [rule for rule in offenders["rule"].unique() if is_quarantined(rule, settings)]
    chosen = offenders[offenders["rule"].isin(quarantining)]
    rules = chosen.groupby("path")["rule"].agg(lambda found: ", ".join(sorted(set(found))))
    return rules.rename("rules").reset_index().astype("str")


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


def without_quarantined(inventory: pd.DataFrame, verdict: Verdict) -> pd.DataFrame:
    """Return the rows of an inventory that a verdict lets into the run."""
    left_out = set(pd.read_parquet(verdict.quarantine)["path"])
    return inventory[~inventory[PATH].isin(left_out)].reset_index(drop=True)

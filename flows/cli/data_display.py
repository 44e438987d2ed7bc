"""Prints the results of the commands about data."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

from flows.cli.printing import print_json, print_records, print_table
from flows.cli.screen import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from tasks.drill.rehearsal import DrillResult
    from tasks.runs.summary import RunSummary
    from tasks.validation.verdict import Verdict

# Listed on a screen; the Parquet file of --output, or JSON, has all of them.
SIZES_SHOWN = ERRORS_SHOWN = 10


def show_inventory(
    inventory: pd.DataFrame, fingerprint: str, scaling: str | None, *, as_json: bool
) -> None:
    """Print a folder's images by class and split, their sizes, modes and values, and bad files."""
    from tasks.inventory.columns import counts_by_split

    counts = counts_by_split(inventory)
    sizes = inventory.value_counts(["height", "width", "mode"]).head(SIZES_SHOWN).rename("images")
    errors = inventory.loc[inventory["error"].notna(), ["path", "error"]]
    folder = inventory.attrs
    if as_json:
        print_json(
            {
                "data_fingerprint": fingerprint,
                "images": len(inventory),
                "unreadable": errors.to_dict("records"),
                "counts": counts.T.to_dict(),
                "sizes": sizes.reset_index().to_dict("records"),
                "values": scaling,
                **folder,
            }
        )
        return
    say(f"{folder['root']}: {folder['hidden']} hidden and {folder['other']} other files")
    say(f"fingerprint {fingerprint}")
    say()
    sys.stdout.write(counts.to_string() + "\n\n")
    sys.stdout.write(sizes.to_frame().to_string() + "\n")
    if scaling:
        say(f"\n{scaling}")
    if not errors.empty:
        say(f"\n{len(errors)} files can't be read:")
        for row in errors.head(ERRORS_SHOWN).itertuples():
            say(f"  {row.path}: {row.error}")


def show_verdict(verdict: Verdict, summary: RunSummary, *, as_json: bool) -> None:
    """Print the verdict of the data gate."""
    if as_json:
        print_json(summary.model_dump(mode="json"))
    say()
    say(verdict.details)
    say(f"report: {summary.report}")


def show_drill(results: Sequence[DrillResult], *, as_json: bool) -> None:
    """Print one row per planted fault, and how many of them were caught."""
    if as_json:
        print_json([dataclasses.asdict(result) for result in results])
        return
    rows = [
        (
            "" if result.as_expected else "!!",
            result.rule,
            result.planted,
            result.result,
            result.detail,
            f"{result.seconds:.1f}",
        )
        for result in results
    ]
    print_table(("", "rule", "planted", "result", "observed", "seconds"), rows)
    caught = sum(result.result == "tripped" for result in results)
    missed = sum(not result.as_expected for result in results)
    inactive = sum(result.result == "not active" for result in results)
    say(f"{caught} faults caught, {missed} missed, {inactive} not active")


def show_baselines(records: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print one row per accepted run, the newest first."""
    print_records(
        records,
        ("accepted", "run_id", "accepted_by", "files", "reason"),
        as_json=as_json,
        if_empty="No baseline yet. A run that ends well becomes one; so does `pixelgate baseline"
        " accept DIR`.",
    )


def show_quarantine(records: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print one row per quarantined file."""
    print_records(
        records,
        ("path", "rules", "since"),
        as_json=as_json,
        if_empty="No file is in quarantine.",
    )

"""Prints what the commands found: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import dataclasses
import enum
import json
import sys
from typing import TYPE_CHECKING, Any

from flows.cli.screen import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from tasks.drill.rehearsal import DrillResult
    from tasks.runs.summary import RunSummary
    from tasks.tuning.search import SearchResult, TrialResult
    from tasks.validation.verdict import Verdict


class Lines(enum.StrEnum):
    """How predictions are printed."""

    csv = "csv"
    jsonl = "jsonl"


def show_json(content: Any) -> None:
    """Print JSON on stdout."""
    sys.stdout.write(json.dumps(content, indent=2) + "\n")


def show_summary(summary: RunSummary, *, as_json: bool) -> None:
    """Print how a run ended and where its evidence is."""
    if as_json:
        show_json(summary.model_dump(mode="json"))
    say()
    say(f"{summary.outcome}: {summary.message}")
    say(f"report: {summary.report}")


def show_verdict(verdict: Verdict, summary: RunSummary, *, as_json: bool) -> None:
    """Print the verdict of the data gate on a screen."""
    if as_json:
        show_json(summary.model_dump(mode="json"))
    say()
    say(verdict.details)
    say(f"report: {summary.report}")


def show_inventory(inventory: pd.DataFrame, fingerprint: str, *, as_json: bool) -> None:
    """Print what a folder holds: files by class and split, sizes, modes, and what can't be read."""
    from tasks.inventory.columns import counts_by_split

    counts = counts_by_split(inventory)
    sizes = inventory.value_counts(["height", "width", "mode"]).head(10)
    errors = inventory.loc[inventory["error"].notna(), ["path", "error"]]
    if as_json:
        show_json(
            {
                "data_fingerprint": fingerprint,
                "images": len(inventory),
                "unreadable": errors.to_dict("records"),
                "counts": counts.T.to_dict(),
                "sizes": sizes.rename("images").reset_index().to_dict("records"),
                **inventory.attrs,
            }
        )
        return
    found = inventory.attrs
    say(f"{found['root']} ({found['layout']} layout)")
    say(f"{len(inventory)} images, {found['hidden']} hidden and {found['other']} other files")
    say(f"fingerprint {fingerprint}")
    say()
    sys.stdout.write(counts.to_string() + "\n\n")
    sys.stdout.write(sizes.rename("images").to_frame().to_string() + "\n")
    if not errors.empty:
        say(f"\n{len(errors)} files can't be read:")
        for row in errors.head(10).itertuples():
            say(f"  {row.path}: {row.error}")


def show_predictions(table: pd.DataFrame, lines: Lines) -> None:
    """Print a row an image on stdout."""
    if lines is Lines.csv:
        table.to_csv(sys.stdout, index=False)
    else:
        table.to_json(sys.stdout, orient="records", lines=True, force_ascii=False)


def show_runs(summaries: Sequence[RunSummary], *, as_json: bool) -> None:
    """Print one line per run."""
    if as_json:
        show_json([summary.model_dump(mode="json") for summary in summaries])
        return
    if not summaries:
        say("No runs yet. Start one with `pixelgate run --data DIR`, or try `pixelgate demo`.")
        return
    rows = [
        (
            summary.run_id,
            summary.name or "",
            summary.outcome,
            _percent(summary.metrics),
            summary.model_version or "",
            summary.first_line,
        )
        for summary in summaries
    ]
    _print_table(("run", "model", "outcome", "accuracy", "version", "message"), rows)


def show_settings(rows: Sequence[Mapping[str, str]], *, as_json: bool) -> None:
    """Print a line a setting."""
    if as_json:
        show_json(rows)
        return
    columns = ("setting", "value", "source", "meaning")
    _print_table(columns, [tuple(row[column] for column in columns) for row in rows])


def show_baselines(records: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print a line an accepted run, the newest first."""
    if as_json:
        show_json(records)
        return
    if not records:
        say("No baseline yet. A run that ends well becomes one; so does `baseline accept DIR`.")
        return
    columns = ("accepted", "run_id", "accepted_by", "files", "reason")
    _print_table(columns, [tuple(str(record[name]) for name in columns) for record in records])


def show_quarantine(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print a line a file that is left out."""
    if as_json:
        show_json(rows)
        return
    if not rows:
        say("Nothing is in quarantine.")
        return
    columns = ("path", "rules", "since")
    _print_table(columns, [tuple(row[name] for name in columns) for row in rows])


def show_drill(results: Sequence[DrillResult], *, as_json: bool) -> None:
    """Print a line a fault."""
    if as_json:
        show_json([dataclasses.asdict(result) for result in results])
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
    _print_table(("", "rule", "planted", "result", "observed", "seconds"), rows)
    tripped = sum(result.result == "tripped" for result in results)
    idle = sum(result.result == "not active" for result in results)
    missed = sum(not result.as_expected for result in results)
    say(f"{tripped} faults caught, {missed} missed, {idle} not active")


def show_trial(trial: TrialResult) -> str:
    """Return a trial in one line."""
    score = "" if trial.val_accuracy is None else f" {trial.val_accuracy:.4f}"
    values = ", ".join(f"{name} = {value}" for name, value in trial.settings.items())
    return f"trial {trial.number}: {trial.state}{score} ({trial.seconds:.0f} s): {values}"


def show_search(result: SearchResult, *, as_json: bool) -> None:
    """Print the best settings found, as they stand in a settings file."""
    if as_json:
        show_json(dataclasses.asdict(result) | {"figure": str(result.figure)})
        return
    import tomlkit

    say()
    say(f"best of {len(result.trials)} trials: {show_trial(result.best)}")
    say(f"plot: {result.figure}")
    tables: dict[str, dict[str, Any]] = {}
    for name, value in result.best.settings.items():
        part, _, setting = name.partition(".")
        tables.setdefault(part, {})[setting] = value
    sys.stdout.write(tomlkit.dumps(tables))


def _percent(metrics: Mapping[str, float] | None) -> str:
    return f"{metrics['accuracy']:.2%}" if metrics else ""


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table as wide as the terminal; where there is none, nothing is folded."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    wide = None if sys.stdout.isatty() else 400
    Console(width=wide, markup=False, highlight=False, soft_wrap=False).print(table)

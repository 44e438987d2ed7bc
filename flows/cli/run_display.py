"""Prints the results of the commands about runs, predictions, settings and searches."""

from __future__ import annotations

import dataclasses
import enum
import sys
from typing import TYPE_CHECKING, Any

from flows.cli.printing import print_json, print_paragraph, print_records, print_table
from flows.cli.screen import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from tasks.runs.summary import RunSummary
    from tasks.tuning.search import SearchResult, TrialResult


class PredictionFormat(enum.StrEnum):
    """The format predictions are printed in."""

    csv = "csv"
    jsonl = "jsonl"


def show_summary(summary: RunSummary, *, as_json: bool) -> None:
    """Print the outcome of a run and the path of its report."""
    if as_json:
        print_json(summary.model_dump(mode="json"))
    say()
    say(f"{summary.outcome}: {summary.message}")
    say(f"report: {summary.report}")


def show_predictions(table: pd.DataFrame, output_format: PredictionFormat) -> None:
    """Print one line per image."""
    if output_format is PredictionFormat.csv:
        table.to_csv(sys.stdout, index=False)
    else:
        table.to_json(sys.stdout, orient="records", lines=True, force_ascii=False)


def show_runs(summaries: Sequence[RunSummary], *, as_json: bool) -> None:
    """Print one row per run."""
    if as_json:
        print_json([summary.model_dump(mode="json") for summary in summaries])
        return
    if not summaries:
        say("No runs yet. Start one with `pixelgate run --data DIR`, or try `pixelgate demo`.")
        return
    rows = [
        (
            summary.run_id,
            summary.name or "",
            summary.outcome,
            f"{summary.metrics['accuracy']:.2%}" if summary.metrics else "",
            summary.model_version or "",
            summary.first_line,
        )
        for summary in summaries
    ]
    print_table(("run", "model", "outcome", "accuracy", "version", "message"), rows)


def show_settings(
    records: Sequence[Mapping[str, str]], *, is_explained: bool, as_json: bool
) -> None:
    """Print one row per setting, or a paragraph each that explains it."""
    if not is_explained or as_json or not records:
        print_records(
            records,
            ("setting", "value", "source", "meaning"),
            as_json=as_json,
            if_empty="Every setting is at its default.",
        )
        return
    for record in records:
        print_paragraph(
            f"{record['setting']} = {record['value']}   ({record['source']})",
            record["meaning"],
            f"accepts: {record['accepts']}",
            f"default: {record['default']}",
        )
    name = records[0]["setting"]
    print_paragraph(
        "Set them in any of three ways, the last of which wins:",
        f"in a TOML file for --config: {name} = ...",
        f"in the environment: PIXELGATE_{name.upper().replace('.', '__')}=...",
        f"on the command line: --set {name}=...",
    )


def show_search(result: SearchResult, *, as_json: bool) -> None:
    """Print the best settings of a search as TOML, ready for a settings file."""
    if as_json:
        print_json(dataclasses.asdict(result) | {"figure": str(result.figure)})
        return
    import tomlkit

    say()
    say(f"best of {len(result.trials)} trials: {trial_line(result.best)}")
    say(f"plot: {result.figure}")
    tables: dict[str, dict[str, Any]] = {}
    for name, value in result.best.settings.items():
        part, _, setting = name.partition(".")
        tables.setdefault(part, {})[setting] = value
    sys.stdout.write(tomlkit.dumps(tables))


def trial_line(trial: TrialResult) -> str:
    """Return a trial in one line."""
    score = "" if trial.val_accuracy is None else f" {trial.val_accuracy:.4f}"
    values = ", ".join(f"{name} = {value}" for name, value in trial.settings.items())
    return f"trial {trial.number}: {trial.state}{score} ({trial.seconds:.0f} s): {values}"

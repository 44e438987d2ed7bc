"""Prints results on stdout: JSON for programs, tables for people."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import typer

from flows.cli.screen import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Wider than any row, so that a program that reads a table gets each row in one line.
WIDTH_WITHOUT_TERMINAL = 400


def print_version(is_asked: bool) -> None:  # noqa: FBT001 - typer's signature of a callback
    """Print the release that is installed, if it is asked for, and end the command."""
    if is_asked:
        from importlib.metadata import version

        sys.stdout.write(f"pixelgate {version('pixelgate')}\n")
        raise typer.Exit


def print_json(content: Any) -> None:
    """Print indented JSON."""
    sys.stdout.write(json.dumps(content, indent=2) + "\n")


def print_records(
    records: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    *,
    as_json: bool,
    if_empty: str = "Nothing to list.",
) -> None:
    """Print records, one row each.

    Args:
        records: plain values.
        columns: those a table shows; JSON has all of them.
        as_json: print JSON instead of a table.
        if_empty: printed on stderr in place of a table without rows.
    """
    if as_json:
        print_json(records)
    elif records:
        print_table(columns, [[str(record[name]) for name in columns] for record in records])
    else:
        say(if_empty)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that is as wide as the terminal; without a terminal no cell is wrapped."""
    # rich takes a tenth of a second to import, which --help must not cost.
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    # No markup: a file name may contain square brackets.
    Console(width=width, markup=False, highlight=False, soft_wrap=False).print(table)


def print_paragraph(title: str, *lines: str) -> None:
    """Print a title and indented lines below it, each wrapped to the terminal."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    indented = [
        textwrap.fill(line, width, initial_indent="  ", subsequent_indent="  ") for line in lines
    ]
    sys.stdout.write("\n".join([title, *indented, "", ""]))

"""Reads a table of any common kind: CSV, text, JSON or Parquet goes in, columns of text come out.

Nothing is refused here: a file that is no table gives None.
"""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".parquet")
# A larger file is hardly a list of labels, and reading it would take a while.
MAX_BYTES = 256 * 2**20
SEPARATORS = (",", ";", "\t", "|")


def read_table(file: Path) -> tuple[pd.DataFrame, bool] | None:
    """Return a table as text, and whether its columns are named.

    Where they may not be, the columns are numbered and the first row may be a header.

    Returns:
        None for a file that is no table.
    """
    try:
        if not 0 < file.stat().st_size <= MAX_BYTES:
            return None
        if file.suffix.lower() == ".parquet":
            return _as_text(pd.read_parquet(file)), True
        if file.suffix.lower() == ".json":
            return _from_json(json.loads(file.read_text("utf-8-sig")))
        return _from_text(file), False
    # Whatever else lies beside images is no table, and no reason to end.
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _from_text(file: Path) -> pd.DataFrame:
    with file.open(encoding="utf-8-sig") as lines:
        first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    separator = max(SEPARATORS, key=first.count)
    is_separated = first.count(separator) > 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pd.read_csv(
            file,
            sep=separator if is_separated else r"\s+",
            header=None,
            dtype="str",
            keep_default_na=False,
            skipinitialspace=True,
            comment=None if is_separated else "#",
            on_bad_lines="skip",
            encoding="utf-8-sig",
        )


def _from_json(content: Any) -> tuple[pd.DataFrame, bool] | None:
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        return _as_text(pd.DataFrame(content)), True
    if isinstance(content, dict) and content:
        values = list(content.values())
        if all(isinstance(value, (str, int)) for value in values):
            return _as_text(pd.DataFrame({0: list(content), 1: values})), False
        if all(isinstance(value, dict) for value in values):
            rows = [{"id": key, **value} for key, value in content.items()]
            return _as_text(pd.DataFrame(rows)), True
    return None


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype("str").mask(table.isna(), "")

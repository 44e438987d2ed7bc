"""Reads a table of any common kind: CSV, text, JSON or Parquet goes in, columns of text come out.

Nothing is refused here: a file that is no table gives None.
"""

from __future__ import annotations

import json
import re
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

LINES_SUFFIXES = (".jsonl", ".ndjson")
TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".parquet", *LINES_SUFFIXES)
# A larger file is hardly a list of labels, and reading it would take a while.
MAX_BYTES = 256 * 2**20
SEPARATORS = (",", ";", "\t", "|")
TOLD_SEPARATOR = re.compile(r"sep=(.)\s*$")
# Spreadsheets write the last one, where they don't write UTF-16 with a mark; it decodes anything.
ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")
MARKS_OF_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# What a JSON file of the COCO kind holds, as programs for labelling write it.
COCO = ("images", "annotations", "categories")


def read_table(file: Path) -> tuple[pd.DataFrame, bool] | None:
    """Return a table as text, and whether its columns are named.

    Where they may not be, the columns are numbered and the first row may be a header.

    Returns:
        None for a file that is no table.
    """
    try:
        if not 0 < file.stat().st_size <= MAX_BYTES:
            return None
        return _read(file, file.suffix.lower())
    # Whatever else lies beside images is no table, and no reason to end.
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _read(file: Path, suffix: str) -> tuple[pd.DataFrame, bool] | None:
    if suffix == ".parquet":
        return _as_text(pd.read_parquet(file)), True
    if suffix == ".json":
        return _from_json(json.loads(file.read_text("utf-8-sig")))
    if suffix in LINES_SUFFIXES:
        lines = file.read_text("utf-8-sig").splitlines()
        return _from_json([json.loads(line) for line in lines if line.strip()])
    return _from_text(file), False


def _from_text(file: Path) -> pd.DataFrame:
    with file.open("rb") as content:
        is_utf_16 = content.read(2) in MARKS_OF_UTF_16
    *tried, last = ("utf-16",) if is_utf_16 else ENCODINGS
    for encoding in tried:
        try:
            return _parsed(file, encoding)
        except UnicodeError:
            continue
    return _parsed(file, last)


def _parsed(file: Path, encoding: str) -> pd.DataFrame:
    with file.open(encoding=encoding) as lines:
        texts = (line for line in lines if line.strip() and not line.startswith("#"))
        first = next(texts, "")
    # A line that tells a spreadsheet the separator is none of the table.
    told = TOLD_SEPARATOR.match(first)
    separator = told[1] if told else max(SEPARATORS, key=first.count)
    is_separated = told is not None or first.count(separator) > 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pd.read_csv(
            file,
            sep=separator if is_separated else r"\s+",
            header=None,
            skiprows=1 if told else 0,
            dtype="str",
            keep_default_na=False,
            skipinitialspace=True,
            comment=None if is_separated else "#",
            on_bad_lines="skip",
            encoding=encoding,
        )


def _from_json(content: Any) -> tuple[pd.DataFrame, bool] | None:
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        return _as_text(pd.DataFrame(content)), True
    if isinstance(content, dict) and content:
        values = list(content.values())
        if set(COCO) <= content.keys():
            return _from_coco(*(content[name] for name in COCO)), True
        if all(isinstance(value, (str, int)) for value in values):
            return _as_text(pd.DataFrame({0: list(content), 1: values})), False
        if all(isinstance(value, dict) for value in values):
            rows = [{"id": key, **value} for key, value in content.items()]
            return _as_text(pd.DataFrame(rows)), True
    return None


def _from_coco(images: list[Any], annotations: list[Any], categories: list[Any]) -> pd.DataFrame:
    """Return the file and the category of each annotation, once."""
    files = {image["id"]: str(image["file_name"]) for image in images}
    names = {category["id"]: str(category["name"]) for category in categories}
    rows = dict.fromkeys(
        (files[each["image_id"]], names[each["category_id"]]) for each in annotations
    )
    return pd.DataFrame(list(rows), columns=["file_name", "category"], dtype="str")


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype("str").mask(table.isna(), "")

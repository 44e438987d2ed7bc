"""A verdict goes in; thumbnails of the files each rule found come out, for the report."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.inventory.columns import PATH
from tasks.reporting.thumbnails import draw_thumbnails
from tasks.runtime.parallel import in_chunks, map_chunks
from tasks.validation.evidence import (
    EXPECTATION,
    LABEL_ERRORS_FILE,
    OFFENDERS_FILE,
    OUTLIERS_FILE,
    RULE,
    VALUE,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SHOWN_PER_RULE = 12
# Rules whose offenders have an order of their own, the worst first, and the file that holds it.
RANKED = {"label_errors": LABEL_ERRORS_FILE, "outliers": OUTLIERS_FILE}


def build_gallery(
    findings: Sequence[Mapping[str, Any]], validation: Path, *, root: Path, max_pixels: int
) -> list[dict[str, Any]]:
    """Collect thumbnails of the files that broke a rule, and of those within its tolerance.

    Args:
        findings: of the verdict, as plain values.
        validation: folder with offenders.parquet and the ranked lists of suspects.
        root: the data folder; a file that is gone or can't be read is listed without an image.
        max_pixels: an image that declares more is not decoded.

    Returns:
        One section per finding with files: rule, description, success, severity, offenders (their
        number) and items, each with path, value and url (a data URL, or None).
    """
    file = validation / OFFENDERS_FILE
    if not file.exists():
        return []
    offenders = pd.read_parquet(file)
    sections = []
    for finding in findings:
        rows = offenders[
            (offenders[RULE] == finding["rule"])
            & (offenders[EXPECTATION] == finding["expectation"])
        ]
        ranked = validation / RANKED.get(finding["rule"], "none")
        if ranked.exists():
            order = pd.read_parquet(ranked, columns=[PATH])[PATH]
            # The merge keeps the order of its left side.
            rows = order.to_frame().merge(rows, on=PATH)
        if len(rows):
            shown = rows[[PATH, VALUE]].head(SHOWN_PER_RULE)
            items = [
                {"path": path, "value": value} for path, value in shown.itertuples(index=False)
            ]
            fields = ("rule", "description", "success", "severity", "offenders")
            sections.append({**{name: finding[name] for name in fields}, "items": items})
    add_thumbnails([item for section in sections for item in section["items"]], root, max_pixels)
    return sections


def add_thumbnails(items: list[dict[str, Any]], root: Path, max_pixels: int) -> None:
    """Add the thumbnail of each item's file, as `url`; each file is read once."""
    paths = sorted({item["path"] for item in items})
    calls = [(str(root), chunk, max_pixels) for _, chunk in in_chunks(paths)]
    # Not in this process: what breaks a rule may be a file that crashes its decoder.
    drawn = map_chunks(draw_thumbnails, calls, total=len(paths), workers=None, lost=_not_drawn)
    urls = dict(zip(paths, itertools.chain.from_iterable(drawn), strict=True))
    for item in items:
        item["url"] = urls[item["path"]]


def _not_drawn(_file: object, _signal: str) -> list[str | None]:
    return [None]

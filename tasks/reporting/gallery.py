"""A verdict goes in; thumbnails of what each rule found come out, for the report."""

from __future__ import annotations

import base64
import io
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd
from PIL import Image, ImageOps

from tasks.inventory.image_file import as_displayed, open_image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SHOWN_A_RULE = 12
SIDE = 96
RANKED = {"label_errors": "label_errors.parquet"}


def build_gallery(
    findings: Sequence[Mapping[str, Any]], validation: Path, *, root: Path, max_pixels: int
) -> list[dict[str, Any]]:
    """Show the files that broke a rule, and those that a rule put up with.

    Args:
        findings: of the verdict, as plain values.
        validation: folder with offenders.parquet and the ranked list of suspect labels.
        root: the data folder; a file that is gone or can't be read is named without an image.
        max_pixels: an image that declares more is not expanded.

    Returns:
        One a finding with files: rule, description, success, severity, offenders (how many) and
        items, each with path, value and url (a data URL, or None).
    """
    file = validation / "offenders.parquet"
    if not file.exists():
        return []
    offenders = pd.read_parquet(file)
    sections = []
    for finding in findings:
        rows = offenders[
            (offenders["rule"] == finding["rule"])
            & (offenders["expectation"] == finding["expectation"])
        ]
        ranked = validation / RANKED.get(finding["rule"], "none")
        if ranked.exists():
            order = pd.read_parquet(ranked, columns=["path"])["path"]
            rows = order.to_frame().merge(rows, on="path")
        if len(rows):
            items = [
                {
                    "path": row.path,
                    "value": row.value,
                    "url": _thumbnail(root / row.path, max_pixels),
                }
                for row in rows.head(SHOWN_A_RULE).itertuples()
            ]
            told = ("rule", "description", "success", "severity", "offenders")
            sections.append({**{name: finding[name] for name in told}, "items": items})
    return sections


def _thumbnail(file: Path, max_pixels: int) -> str | None:
    """Return a small PNG as a data URL; None for what can't be shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if not file.is_file():
                return None
            with open_image(file.read_bytes(), max_pixels=max_pixels) as opened:
                opened.draft(None, (SIDE, SIDE))
                seen = as_displayed(opened)
                # A digit of 8 pixels is looked at pixel by pixel.
                how = Image.Resampling.NEAREST if max(seen.size) < SIDE else Image.Resampling.BOX
                image = ImageOps.contain(seen, (SIDE, SIDE), how)
            data = io.BytesIO()
            image.save(data, "PNG")
        except Exception:  # noqa: BLE001 - decoders raise anything on damaged bytes
            return None
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()

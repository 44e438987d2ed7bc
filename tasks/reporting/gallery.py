"""A verdict goes in; thumbnails of the files each rule found come out, for the report."""

from __future__ import annotations

import base64
import io
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd
from PIL import Image, ImageOps

from tasks.inventory.columns import PATH
from tasks.inventory.image_file import as_displayed, open_image
from tasks.validation.evidence import (
    EXPECTATION,
    LABEL_ERRORS_FILE,
    OFFENDERS_FILE,
    RULE,
    VALUE,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SHOWN_PER_RULE = 12
SIDE = 96
# Rules whose offenders have an order of their own, the worst first, and the file that holds it.
RANKED = {"label_errors": LABEL_ERRORS_FILE}


def build_gallery(
    findings: Sequence[Mapping[str, Any]], validation: Path, *, root: Path, max_pixels: int
) -> list[dict[str, Any]]:
    """Collect thumbnails of the files that broke a rule, and of those within its tolerance.

    Args:
        findings: of the verdict, as plain values.
        validation: folder with offenders.parquet and the ranked list of suspect labels.
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
                {"path": path, "value": value, "url": _thumbnail(root / path, max_pixels)}
                for path, value in shown.itertuples(index=False)
            ]
            fields = ("rule", "description", "success", "severity", "offenders")
            sections.append({**{name: finding[name] for name in fields}, "items": items})
    return sections


def _thumbnail(file: Path, max_pixels: int) -> str | None:
    """Return a small PNG as a data URL; None for what can't be shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if not file.is_file():
                return None
            with open_image(file.read_bytes(), max_pixels=max_pixels) as opened:
                # A JPEG decodes faster at a fraction of its size.
                opened.draft(None, (SIDE, SIDE))
                image = as_displayed(opened)
                # Small images are enlarged without smoothing: single pixels are what matters.
                small = max(image.size) < SIDE
                method = Image.Resampling.NEAREST if small else Image.Resampling.BOX
                thumbnail = ImageOps.contain(image, (SIDE, SIDE), method)
            data = io.BytesIO()
            thumbnail.save(data, "PNG")
        except Exception:  # noqa: BLE001 - decoders raise anything on damaged bytes
            return None
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()

"""The last accepted inventories: what drift is measured against, and thresholds are learned from.

A baseline is a folder of its own under `state/baselines/<name>/`, written whole or not at all. It
moves only when a run was accepted, or when an operator says so.
"""

from __future__ import annotations

import functools
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.errors import PixelgateError
from tasks.inventory.columns import (
    BRIGHTNESS,
    CONTRAST,
    ERROR,
    HEIGHT,
    LABEL,
    PATH,
    PIXEL_HASH,
    SHA256,
    SHARPNESS,
    SPLIT,
    WIDTH,
    fingerprint,
)
from tasks.storage.atomic import read_json, write_json, write_parquet

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.storage.home import Home
    from tasks.validation.verdict import Verdict

CONTENT = "content"
FIRST_SEEN = "first_seen"
MEASURES = (HEIGHT, WIDTH, BRIGHTNESS, CONTRAST, SHARPNESS)
COLUMNS = [PATH, LABEL, SPLIT, ERROR, CONTENT, FIRST_SEEN, *MEASURES]
RECORD, FILES = "record.json", "inventory.parquet"


@dataclass(frozen=True)
class Baseline:
    """An accepted inventory.

    Attributes:
        record: run_id, accepted (when), accepted_by, reason, data_fingerprint, files, and observed
            (what each rule measured, by its name).
        folder: where it is kept.
    """

    record: dict[str, Any]
    folder: Path

    @functools.cached_property
    def files(self) -> pd.DataFrame:
        """A row a file: path, label, split, error, content, first_seen and the measures.

        Raises:
            PixelgateError: the file is missing or torn.
        """
        try:
            return pd.read_parquet(self.folder / FILES)
        except (OSError, ValueError) as error:
            raise PixelgateError(
                f"The baseline in {self.folder} can't be read ({error}), so that drift can't be"
                " judged. Remove that folder to compare with the one before, or make this data the"
                " baseline: `pixelgate baseline reset`, then `pixelgate baseline accept DIR`."
            ) from None


def content_of(inventory: pd.DataFrame) -> pd.Series:
    """Return what a file is known by wherever it goes: its pixels, or its bytes if unreadable."""
    return inventory[PIXEL_HASH].fillna(inventory[SHA256]).fillna(inventory[PATH])


def list_baselines(home: Home) -> list[Baseline]:
    """Return the accepted inventories of a model's data that are remembered, the newest first."""
    folders = sorted(home.baselines.glob(f"*/{RECORD}"), reverse=True)
    return [Baseline(record=read_json(file), folder=file.parent) for file in folders]


def accept_baseline(  # noqa: PLR0913 - the evidence it is made of
    home: Home,
    inventory: pd.DataFrame,
    verdict: Verdict,
    *,
    run_id: str,
    remembered: int,
    accepted_by: str = "run",
    reason: str = "",
) -> Baseline:
    """Make an inventory the baseline; the same data again changes nothing.

    Args:
        home: of the model.
        inventory: every row, with those that were quarantined.
        verdict: what the gate measured.
        run_id: of the run that was accepted.
        remembered: how many baselines stay.
        accepted_by: run, or the operator.
        reason: an operator's words.
    """
    known = list_baselines(home)
    current = fingerprint(inventory)
    if known and known[0].record["data_fingerprint"] == current:
        return known[0]
    now = datetime.now(UTC)
    content = content_of(inventory)
    before = _first_seen(known)
    seen = content.map(before).astype("str").fillna(now.isoformat())
    files = inventory.assign(**{CONTENT: content, FIRST_SEEN: seen})[COLUMNS]
    folder = home.baselines / f"{now:%Y%m%d-%H%M%S-%f}"
    write_parquet(folder / FILES, files)
    record = {
        "run_id": run_id,
        "accepted": now.isoformat(timespec="seconds"),
        "accepted_by": accepted_by,
        "reason": reason,
        "data_fingerprint": current,
        "files": len(files),
        "observed": verdict.observed,
    }
    # Last, as a folder without it does not count.
    write_json(folder / RECORD, record)
    for old in known[remembered - 1 :]:
        shutil.rmtree(old.folder)
    return Baseline(record=record, folder=folder)


def reset_baselines(home: Home) -> Path | None:
    """Forget all baselines of a model; they are put aside, and the place is returned."""
    folder = home.baselines
    if not list_baselines(home):
        return None
    aside = folder.with_name(f".{home.name}-reset-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    folder.rename(aside)
    return aside


def _first_seen(known: list[Baseline]) -> pd.Series:
    if not known:
        return pd.Series(dtype="str")
    return known[0].files.drop_duplicates(CONTENT).set_index(CONTENT)[FIRST_SEEN]

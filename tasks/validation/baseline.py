"""The last accepted inventories: the reference for drift, and the source of learned thresholds.

Each baseline is a folder under `state/baselines/<name>/`, written completely or not at all. A new
one is made only when a run is accepted, or when an operator says so.
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
from tasks.storage.atomic import atomic_folder, read_json, write_json, write_parquet
from tasks.storage.checked import damage_of
from tasks.storage.locks import file_lock
from tasks.validation.embedding_axes import Axes, fit_axes

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.inventory.embeddings import Embeddings
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
        record: run_id, accepted (a time), accepted_by, reason, data_fingerprint, files (their
            number), observed (what each rule measured, by its name), and embedding (how its
            images were embedded, by name, or None).
        folder: of the record and the inventory.
    """

    record: dict[str, Any]
    folder: Path

    @functools.cached_property
    def files(self) -> pd.DataFrame:
        """One row per file: path, label, split, error, content, first_seen and the measures."""
        return pd.read_parquet(self.folder / FILES)

    def axes_for(self, embeddings: Embeddings) -> Axes | None:
        """Return the axes of its images; None where they were embedded in another way, or not."""
        # Baselines that were accepted before embeddings have no such entry.
        same = self.record.get("embedding") == embeddings.name
        return Axes.load(self.folder) if same else None


def content_of(inventory: pd.DataFrame) -> pd.Series:
    """Return what identifies each file wherever it is moved: a hash of its pixels.

    A file that doesn't decode is identified by its bytes, one that can't be opened by its path.
    """
    return inventory[PIXEL_HASH].fillna(inventory[SHA256]).fillna(inventory[PATH])


def list_baselines(home: Home) -> list[Baseline]:
    """Return the remembered baselines of a model, newest first.

    Raises:
        PixelgateError: one is damaged. It is not passed over, since the gate would judge by less
            than it was told to, and can't be made again.
    """
    return [_read_baseline(folder) for folder in _folders(home)]


def _folders(home: Home) -> list[Path]:
    return sorted(home.baselines.glob("[0-9]*"), key=_number_of, reverse=True)


def _read_baseline(folder: Path) -> Baseline:
    damage = damage_of(folder)
    if damage is not None:
        raise PixelgateError(
            f"The baseline in {folder} can't be read ({damage}), so drift can't be judged. Remove"
            " this folder to compare with the baseline before it, or make the current data the"
            " baseline: `pixelgate baseline reset`, then `pixelgate baseline accept DIR`."
        )
    return Baseline(record=read_json(folder / RECORD), folder=folder)


def accept_baseline(  # noqa: PLR0913 - a record of who accepted what, and why
    home: Home,
    inventory: pd.DataFrame,
    verdict: Verdict,
    *,
    run_id: str,
    max_baselines: int,
    accepted_by: str = "run",
    reason: str = "",
    embeddings: Embeddings | None = None,
) -> Baseline:
    """Make an inventory the baseline; accepting the same data again changes nothing.

    Args:
        home: of the model.
        inventory: every row, including quarantined ones.
        verdict: what the gate measured.
        run_id: of the accepted run.
        max_baselines: how many baselines are remembered; older ones are deleted.
        accepted_by: run, or operator.
        reason: given by an operator.
        embeddings: those of the inventory; None where images are not embedded.
    """
    with file_lock(home.baselines):
        earlier = list_baselines(home)
        data_fingerprint = fingerprint(inventory)
        # A second baseline of the same data would count it twice when thresholds are learned.
        if earlier and earlier[0].record["data_fingerprint"] == data_fingerprint:
            return earlier[0]
        now = datetime.now(UTC)
        content = content_of(inventory)
        first_seen = content.map(_first_seen(earlier)).astype("str").fillna(now.isoformat())
        files = inventory.assign(**{CONTENT: content, FIRST_SEEN: first_seen})[COLUMNS]
        axes = None
        if embeddings is not None:
            axes, positions = fit_axes(inventory, embeddings)
            files = pd.concat([files, positions], axis="columns")
        # By a counter, as the clock can be set back.
        number = _number_of(earlier[0].folder) + 1 if earlier else 1
        folder = home.baselines / f"{number:06d}-{now:%Y%m%d-%H%M%S}"
        record = {
            "run_id": run_id,
            "accepted": now.isoformat(timespec="seconds"),
            "accepted_by": accepted_by,
            "reason": reason,
            "data_fingerprint": data_fingerprint,
            "files": len(files),
            "observed": verdict.observed,
            "embedding": embeddings.name if embeddings is not None and axes else None,
        }
        with atomic_folder(folder, sealed=True) as unfinished:
            write_parquet(unfinished / FILES, files)
            if axes is not None:
                axes.save(unfinished)
            write_json(unfinished / RECORD, record)
        for old in earlier[max_baselines - 1 :]:
            shutil.rmtree(old.folder)
        return Baseline(record=record, folder=folder)


def reset_baselines(home: Home) -> Path | None:
    """Set all baselines of a model aside; return the folder they are in now, None without any."""
    folder = home.baselines
    if not _folders(home):
        return None
    aside = folder.with_name(f".{home.name}-reset-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    folder.rename(aside)
    return aside


def _number_of(folder: Path) -> int:
    return int(folder.name.partition("-")[0])


def _first_seen(baselines: list[Baseline]) -> pd.Series:
    """Return when each content was first seen, by content."""
    if not baselines:
        return pd.Series(dtype="str")
    # The newest one is enough: each takes over what the one before it had seen.
    return baselines[0].files.drop_duplicates(CONTENT).set_index(CONTENT)[FIRST_SEEN]

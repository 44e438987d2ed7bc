"""Writes the inventory of a run: its evidence, and the facts that the summary shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.inventory.columns import LABEL, THUMBNAIL, fingerprint, readable
from tasks.runs.run_folder import INVENTORY, record_facts
from tasks.storage.atomic import write_parquet

if TYPE_CHECKING:
    import pandas as pd

    from tasks.runs.run_folder import Run


def record_inventory(run: Run, inventory: pd.DataFrame) -> dict[str, Any]:
    """Write inventory.parquet, and record the facts that the summary shows.

    Returns:
        data_fingerprint, images (number of rows), classes (labels of readable rows) and quarantined
        (number of rows that can't be read or have no label).
    """
    # Thumbnails stay in the shared cache: a run's evidence is kept for ever and should be small.
    write_parquet(run.directory / INVENTORY, inventory.drop(columns=THUMBNAIL))
    images = readable(inventory)
    facts = {
        "data_fingerprint": fingerprint(inventory),
        "images": len(inventory),
        "classes": sorted(set(images[LABEL])),
        "quarantined": len(inventory) - len(images),
    }
    record_facts(run, **facts)
    return facts

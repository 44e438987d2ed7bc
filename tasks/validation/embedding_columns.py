"""A frame of derived columns goes in; the same with those that embeddings give comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.inventory.columns import PATH
from tasks.validation.derived_columns import days_since_new, new_only
from tasks.validation.outliers import DISTANCE

if TYPE_CHECKING:
    import pandas as pd

    from tasks.validation.context import Context

OUTLIER = "outlier"


def add_embedding_columns(
    frame: pd.DataFrame,
    inventory: pd.DataFrame,
    context: Context,
    outliers: pd.DataFrame | None,
) -> pd.DataFrame:
    """Add the columns that expectations about what images show need.

    Args:
        frame: as `add_derived_columns` returns it.
        inventory: as `take_inventory` returns it.
        context: its embeddings, and the axes of its baseline.
        outliers: as `find_outliers` returns them.

    Returns:
        A new frame; the same columns where images are not embedded. Otherwise a message for each
        outlier, or None, unless there are too few images; and with a baseline whose images were
        embedded in the same way, the positions of all images, and of the new ones, on its axes.
    """
    embeddings = context.embeddings
    if embeddings is None:
        return frame
    columns: dict[str, pd.Series] = {}
    if outliers is not None:
        distances = outliers.set_index(PATH)[DISTANCE]
        texts = distances.map("{:.1f} standard deviations from its class".format)
        columns[OUTLIER] = inventory[PATH].map(texts).astype("object")
    axes = context.baseline.axes_for(embeddings) if context.baseline else None
    days = days_since_new(inventory, context)
    if axes is not None and days is not None:
        for name, position in axes.positions(inventory, embeddings).items():
            columns |= {str(name): position, new_only(str(name)): position.where(days.isna())}
    return frame.assign(**columns)

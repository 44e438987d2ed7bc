"""A frame of derived columns goes in; the same with those that embeddings give comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.inventory.columns import PATH
from tasks.validation.derived_columns import DAYS_SINCE_NEW, days_since_new, new_only
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
        outlier, or None; and with a baseline whose images were embedded in the same way, the
        positions of all images, and of the new ones, along its axes.
    """
    if outliers is None or context.embeddings is None:
        return frame
    distances = outliers.set_index(PATH)[DISTANCE]
    messages = distances.map("{:.1f} standard deviations from its class".format)
    columns = {OUTLIER: inventory[PATH].map(messages).astype("object")}
    axes = context.baseline.axes_for(context.embeddings) if context.baseline else None
    if axes is not None:
        positions = axes.positions(inventory, context.embeddings)
        days = days_since_new(inventory, context)
        is_new = days.isna() if days is not None else frame[DAYS_SINCE_NEW].lt(0)
        columns |= positions
        columns |= {new_only(name): along.where(is_new) for name, along in positions.items()}
    return frame.assign(**columns)

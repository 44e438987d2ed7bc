"""Rows go in; what shares a split with each of them comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tasks.inventory.columns import GROUP, LABEL, PATH, SHA256, SIBLINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

# A unit is what shares a split: siblings and what is like one of them, a group of duplicates, the
# copies of a file, or a file alone.
UNIT, CONTENT, FILES = "unit", "content", "files"
# Whether a unit holds declared siblings.
DECLARED = "declared"


def with_units(rows: pd.DataFrame) -> pd.DataFrame:
    """Return label, content, unit and declared of each row.

    Args:
        rows: with path, label, sha256, group and siblings.
    """
    content = rows[SHA256].fillna(rows[PATH])
    units = pd.DataFrame(
        {
            LABEL: rows[LABEL].fillna(""),
            CONTENT: content,
            UNIT: rows[GROUP].fillna(content),
            DECLARED: False,
        }
    )
    siblings = rows[SIBLINGS].dropna()
    if siblings.duplicated().any():
        unit = _connected([units[UNIT], rows[SIBLINGS]])
        is_declared = unit.isin(unit[siblings.index[siblings.duplicated(keep=False)]])
        units.loc[is_declared, UNIT] = unit[is_declared]
        units[DECLARED] = is_declared
    return units


def units_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return label, content and number of files of each unit; indexed by unit."""
    shared = rows[rows.duplicated(UNIT, keep=False)].groupby(UNIT)[CONTENT].agg(["min", "size"])
    units = rows.drop_duplicates(UNIT).set_index(UNIT).assign(**{FILES: 1})
    units.loc[shared.index, [CONTENT, FILES]] = shared.to_numpy()
    return units


def _connected(keys: Sequence[pd.Series]) -> pd.Series:
    """Return a name for each row, the same for rows that share a key, directly or through others.

    Args:
        keys: of each row, by kind; None where it has none.
    """
    index, count = keys[0].index, len(keys[0])
    first, second, nodes = [], [], count
    for values in keys:
        codes, names = pd.factorize(values)
        has_key = codes >= 0
        first.append(np.flatnonzero(has_key))
        second.append(codes[has_key] + nodes)
        nodes += len(names)
    edges = np.concatenate(first), np.concatenate(second)
    graph = coo_array((np.ones(len(edges[0])), edges), shape=(nodes, nodes))
    _, component = connected_components(graph, directed=False)
    return pd.Series(component[:count], index=index).map("siblings {}".format).astype("str")

"""Two versions go in; how their numbers, answers, data and settings differ comes out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.evaluation.answers import PREDICTED
from tasks.inventory.columns import LABEL, PATH, SHA256
from tasks.model_gate.paired import compare_paired
from tasks.model_gate.versus import count_disagreements
from tasks.registry.by_hand import find_version
from tasks.runs.run_folder import INVENTORY
from tasks.validation.baseline import CONTENT, content_of
from tasks.validation.moves import CHANGE, moves_between

if TYPE_CHECKING:
    from tasks.config.promotion import PromotionConfig
    from tasks.registry.mlflow_store import ModelStore

PREDICTIONS = "evaluation/predictions.parquet"


@dataclass(frozen=True)
class VersionDiff:
    """How version b differs from version a.

    Attributes:
        a: number of the first version.
        b: number of the second one.
        metrics: name, a and b of each metric that differs, each on the test split of its own run.
        comparison: on the test images that both have predicted, b as the challenger; None if there
            are none, or their predictions are not kept.
        newly_right: path, label, a and b of images that only b classifies correctly.
        newly_wrong: of those that only a classifies correctly.
        data: files by kind of change from a's data to b's: added, removed, changed, renamed,
            relabelled; None if their inventories are not kept.
        settings: setting, a and b of each that differs.
    """

    a: str
    b: str
    metrics: list[dict[str, Any]]
    comparison: dict[str, Any] | None
    newly_right: list[dict[str, str]]
    newly_wrong: list[dict[str, str]]
    data: dict[str, int] | None
    settings: list[dict[str, str]]


def diff_versions(store: ModelStore, a: str, b: str, settings: PromotionConfig) -> VersionDiff:
    """Compare two versions by what their runs have left in the registry.

    Args:
        store: of the model.
        a: number or alias of the first version.
        b: of the second one.
        settings: margin and confidence level of the comparison.

    Raises:
        UsageError: there is no such version.
    """
    versions = find_version(store, a), find_version(store, b)
    runs = [store.client.get_run(str(version.run_id)) for version in versions]
    predictions = [_table(store, run.info.run_id, PREDICTIONS) for run in runs]
    inventories = [_table(store, run.info.run_id, INVENTORY) for run in runs]
    comparison, right, wrong = _flips(predictions[0], predictions[1], settings)
    return VersionDiff(
        a=str(versions[0].version),
        b=str(versions[1].version),
        metrics=_differences("metric", runs[0].data.metrics, runs[1].data.metrics),
        comparison=comparison,
        newly_right=right,
        newly_wrong=wrong,
        data=_moves(inventories[0], inventories[1]),
        settings=_differences("setting", runs[0].data.params, runs[1].data.params),
    )


def evidence_tables(
    store: ModelStore, name: str
) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Return the inventory a version was made from, and its answers to the test images.

    Args:
        store: of the model.
        name: number or alias of the version.

    Returns:
        Both tables; None for one that is not kept.
    """
    run_id = str(find_version(store, name).run_id)
    return _table(store, run_id, INVENTORY), _table(store, run_id, PREDICTIONS)


def _table(store: ModelStore, run_id: str, name: str) -> pd.DataFrame | None:
    file = store.evidence(run_id, name)
    return None if file is None else pd.read_parquet(file)


def _flips(
    a: pd.DataFrame | None, b: pd.DataFrame | None, settings: PromotionConfig
) -> tuple[dict[str, Any] | None, list[dict[str, str]], list[dict[str, str]]]:
    if a is None or b is None:
        return None, [], []
    columns = [PATH, SHA256, LABEL, PREDICTED]
    both = (
        b[columns]
        .astype("str")
        .merge(a[columns].astype("str"), on=[SHA256, LABEL], suffixes=("", "_a"))
        .drop_duplicates([SHA256, LABEL])
    )
    if both.empty:
        return None, [], []
    comparison = compare_paired(
        count_disagreements(b, a),
        margin=settings.margin,
        confidence_level=settings.confidence_level,
    )
    right_a, right_b = both[f"{PREDICTED}_a"] == both[LABEL], both[PREDICTED] == both[LABEL]
    flips = (right_b & ~right_a, right_a & ~right_b)
    right, wrong = (_flipped(both[rows]) for rows in flips)
    return asdict(comparison), right, wrong


def _flipped(rows: pd.DataFrame) -> list[dict[str, str]]:
    shown = rows[[PATH, LABEL, f"{PREDICTED}_a", PREDICTED]]
    return [
        dict(zip((PATH, LABEL, "a", "b"), map(str, row), strict=True))
        for row in shown.sort_values(PATH).itertuples(index=False)
    ]


def _moves(a: pd.DataFrame | None, b: pd.DataFrame | None) -> dict[str, int] | None:
    if a is None or b is None:
        return None
    moves = moves_between(a.assign(**{CONTENT: content_of(a)}), b)
    return {str(kind): int(count) for kind, count in moves[CHANGE].value_counts().items()}


def _differences(name: str, a: dict[str, Any], b: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {name: key, "a": a.get(key), "b": b.get(key)}
        for key in sorted({*a, *b})
        if a.get(key) != b.get(key)
    ]

"""An inventory goes in; the files whose label contradicts their image come out, worst first.

A quick model predicts images it was not fitted on, and cleanlab's confident learning finds the
labels that its predictions contradict (Northcutt, Jiang and Chuang, 2021). The model uses
embeddings where there are any, and thumbnails elsewhere: it is no match for a network, but it takes
seconds, and only confident predictions count.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.inventory.columns import CONTRAST, LABEL, PATH, SHA256, readable
from tasks.inventory.duplicates import MIN_VISIBLE_CONTRAST, thumbnails_of
from tasks.inventory.features import GRAY_SIDE, NEUTRAL
from tasks.runtime.aside import call_aside, call_in_thread
from tasks.runtime.collector import collector_paused
from tasks.runtime.reader_process import end_idle
from tasks.storage.checked import believe_parquet, write_checked_parquet
from tasks.storage.hashing import digest
from tasks.validation.linear_probe import probe

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    import pandas as pd

    from tasks.config.suspect_rules import LabelErrorsRule
    from tasks.inventory.embeddings import Embeddings

PREDICTED_LABEL, PROBABILITY = "predicted_label", "probability"
PROBABILITY_OF_LABEL = "probability_of_label"
ACCURACY = "accuracy"
FOLDS, NEIGHBOURS, COMPONENTS = 3, 10, 40
# The model of a fold is fitted on at most this many images, so that time grows linearly with the
# number of files, not quadratically.
MAX_FITTED = 15_000
MIN_IMAGES, MIN_PER_CLASS = 200, 20
# So few are judged in another process meanwhile; more in a thread, as what takes time then is done
# outside of Python, by all cores.
IMAGES_ASIDE = 5_000
# From this accuracy on, a fairly confident prediction counts. Of a weaker model only almost
# unanimous neighbours do, as its own mistakes would otherwise be reported as label errors.
STRONG_ACCURACY = 0.92
FAIRLY_CONFIDENT, UNANIMOUS = 0.6, 0.95
# On embeddings, a fairly confident prediction counts where it leaves so little to the label.
# Measured in docs/gate.md.
HARDLY_POSSIBLE = 0.02

log = logging.getLogger("pixelgate.validation")


def start_judging_labels(
    inventory: pd.DataFrame,
    settings: LabelErrorsRule,
    *,
    new_paths: Collection[str] = (),
    cache_dir: Path | None = None,
    embeddings: Embeddings | None = None,
) -> Callable[[], pd.DataFrame | None]:
    """Start to rank the files whose label is suspect, beside what this thread goes on with.

    Args:
        inventory: readable rows with a label are judged.
        settings: whether to judge labels, and how accurate the quick model must be.
        new_paths: paths of files that are new since the last accepted run.
        cache_dir: folder that caches the result for the same images and labels.
        embeddings: those of the inventory; None where images are not embedded.

    Returns:
        A function that waits and returns path, label, predicted_label, probability (of the
        predicted label) and probability_of_label, the most suspect first; or None if labels can't
        be judged, because there are too few images or the model is too weak.
    """
    images = _judgeable(inventory if embeddings is None else inventory[embeddings.known])
    if not settings.check or len(images) < MIN_IMAGES or images[LABEL].nunique() < 2:  # noqa: PLR2004 - a confusion needs two classes
        return lambda: None
    if len(images) > settings.max_images:
        # Ordered by content, so that the same old images are judged in every run.
        old = ~images[PATH].isin(new_paths)
        order = images.assign(old=old).sort_values(["old", SHA256]).index
        images = images.loc[order[: settings.max_images].sort_values()]
    if embeddings is None:
        quick, least = _by_thumbnails(images), settings.min_accuracy
    else:
        quick = _by_embeddings(embeddings.of(inventory, images), embeddings.name)
        least = settings.min_probe_accuracy
    rank = functools.partial(_rank_cached, images, quick, cache_dir)
    if len(images) <= IMAGES_ASIDE:
        ranked = call_aside(rank)
    else:
        # The process that read the images only holds memory.
        end_idle()
        ranked = call_in_thread(rank)
    return lambda: _if_accurate(ranked(), least)


def _if_accurate(ranked: pd.DataFrame, least: float) -> pd.DataFrame | None:
    accuracy = ranked.attrs[ACCURACY]
    if accuracy >= least:
        return ranked
    log.info(
        "labels are not judged: the quick model is right for only %.0f%% of the images",
        100 * accuracy,
    )
    return None


def _judgeable(inventory: pd.DataFrame) -> pd.DataFrame:
    images = readable(inventory)
    # The rule not_blank names blank images; their label can't be judged.
    images = images[images[CONTRAST].ge(MIN_VISIBLE_CONTRAST)]
    sizes = images[LABEL].value_counts()
    return images[images[LABEL].isin(sizes[sizes >= MIN_PER_CLASS].index)]


@dataclass(frozen=True)
class _QuickModel:
    """How labels are judged.

    Attributes:
        name: of it, part of the key by which results are cached.
        predict: from (images,) class indices to (images, classes) probabilities, out of sample.
        is_sure: from probabilities and class indices to (images,) bool: which predictions are so
            confident that they count.
    """

    name: str
    predict: Callable[[np.ndarray], np.ndarray]
    is_sure: Callable[[np.ndarray, np.ndarray], np.ndarray]


def _by_thumbnails(images: pd.DataFrame) -> _QuickModel:
    def predict(labels: np.ndarray) -> np.ndarray:
        return cross_validate(_features(thumbnails_of(images)), labels)

    def is_sure(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
        accuracy = float((probabilities.argmax(axis=1) == labels).mean())
        bound = FAIRLY_CONFIDENT if accuracy >= STRONG_ACCURACY else UNANIMOUS
        sure: np.ndarray = probabilities.max(axis=1) >= bound
        return sure

    return _QuickModel("thumbnails", predict, is_sure)


def _by_embeddings(features: np.ndarray, name: str) -> _QuickModel:
    def is_sure(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
        of_label = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
        sure: np.ndarray = probabilities.max(axis=1) >= FAIRLY_CONFIDENT
        return sure & (of_label <= HARDLY_POSSIBLE)

    return _QuickModel(name, lambda labels: probe(features, labels), is_sure)


def _rank_cached(images: pd.DataFrame, quick: _QuickModel, cache_dir: Path | None) -> pd.DataFrame:
    if cache_dir is None:
        return _rank_suspects(images, quick)
    contents = [images[column].tolist() for column in (PATH, LABEL, SHA256)]
    file = cache_dir / f"label-errors-{digest([quick.name, *contents])[:32]}.parquet"
    ranked = believe_parquet(file)
    if ranked is None:
        ranked = _rank_suspects(images, quick)
        # Only the result for the current data is of use.
        for earlier in cache_dir.glob("label-errors-*.parquet"):
            earlier.unlink()
        write_checked_parquet(file, ranked)
    return ranked


def _rank_suspects(images: pd.DataFrame, quick: _QuickModel) -> pd.DataFrame:
    with collector_paused():
        from cleanlab.filter import find_label_issues

    classes = np.sort(images[LABEL].unique().astype(object))
    labels = np.searchsorted(classes, images[LABEL].to_numpy(object))
    probabilities = quick.predict(labels)
    ranked = find_label_issues(
        labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1
    )
    predicted = probabilities.argmax(axis=1)
    sure = quick.is_sure(probabilities, labels)
    chosen = [index for index in ranked if sure[index]]
    suspects = images.iloc[chosen][[PATH, LABEL]].assign(
        **{
            PREDICTED_LABEL: classes[predicted[chosen]],
            PROBABILITY: probabilities[chosen, predicted[chosen]],
            PROBABILITY_OF_LABEL: probabilities[chosen, labels[chosen]],
        }
    )
    suspects.attrs = {ACCURACY: float((predicted == labels).mean())}
    return suspects.reset_index(drop=True)


def cross_validate(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (images, classes) probabilities, each from a model not fitted on the image.

    Args:
        features: (images, features) float32.
        labels: (images,) class indices, each with at least `MIN_PER_CLASS` images.
    """
    from sklearn.decomposition import PCA
    from sklearn.model_selection import StratifiedKFold
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline

    random = np.random.default_rng(0)
    probabilities = np.zeros((len(labels), labels.max() + 1))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    for others, held_out in folds.split(features, labels):
        fitted = random.permutation(others)[:MAX_FITTED]
        model = make_pipeline(
            PCA(min(COMPONENTS, len(fitted) // 2), random_state=0),
            KNeighborsClassifier(NEIGHBOURS, weights="distance", algorithm="brute"),
        ).fit(features[fitted], labels[fitted])
        # A rare class may be missing from the fitted images: its column stays 0.
        columns = np.ix_(held_out, model.classes_)
        probabilities[columns] = model.predict_proba(features[held_out])
    return probabilities


def _features(thumbs: np.ndarray) -> np.ndarray:
    """Return (images, 290) float32: shapes without their lighting, then lighting and colours."""
    gray = thumbs[:, : GRAY_SIDE**2].astype(np.float32) / 255
    color = (thumbs[:, GRAY_SIDE**2 :].astype(np.float32) - NEUTRAL) / 32
    # 0.05 keeps the noise of a flat image from being stretched to a shape.
    mean, spread = gray.mean(axis=1, keepdims=True), gray.std(axis=1, keepdims=True) + 0.05
    return np.hstack([(gray - mean) / spread, 2 * mean, 2 * spread, color])

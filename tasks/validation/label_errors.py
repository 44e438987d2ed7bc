"""An inventory goes in; the files whose label contradicts their looks come out, the worst first.

A quick model answers about images it did not learn from, and cleanlab's confident learning tells
which labels it can't believe (Northcutt, Jiang and Chuang, 2021). The model looks at thumbnails: it
is no match for a network, but costs seconds, and only its firm answers count.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from tasks.inventory.columns import CONTRAST, LABEL, PATH, SHA256, readable
from tasks.inventory.duplicates import MIN_VISIBLE_CONTRAST, thumbnails_of
from tasks.inventory.features import GRAY_SIDE, NEUTRAL
from tasks.storage.atomic import read_parquet_or_none, write_parquet
from tasks.storage.hashing import digest

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    import pandas as pd

    from tasks.config.gate_rules import LabelErrorsRule

LOOKS_LIKE, PROBABILITY, OF_LABEL = "looks_like", "probability", "probability_of_label"
COLUMNS = [PATH, LABEL, LOOKS_LIKE, PROBABILITY, OF_LABEL]
FOLDS, NEIGHBOURS, COMPONENTS = 3, 10, 40
# Of each fold at most this many images are learned from, so that time grows with the files only.
MOST_LEARNT = 15_000
FEWEST_IMAGES, FEWEST_A_CLASS = 200, 20
# A model that names so many rightly is believed when it is fairly sure; of a weaker one only what
# all neighbours say counts, as its mistakes would be told for those of the labels.
STRONG = 0.92
FAIRLY_SURE, UNANIMOUS = 0.6, 0.95

log = logging.getLogger("pixelgate.validation")


def find_label_errors(
    inventory: pd.DataFrame,
    settings: LabelErrorsRule,
    *,
    newcomers: Collection[str] = (),
    cache_dir: Path | None = None,
) -> pd.DataFrame | None:
    """Rank the files whose label is suspect.

    Args:
        inventory: readable rows with a label are looked at.
        settings: whether to look, and how good the quick model must be to be believed.
        newcomers: paths of files that are new since the last accepted run.
        cache_dir: folder that caches the answer about the same images and labels.

    Returns:
        path, label, looks_like, probability (of that class) and probability_of_label, the most
        suspect first; None where nothing can be said: too few images, or too weak a model.
    """
    images = readable(inventory)
    # What shows nothing is another rule's business; its label can't be told from it.
    images = images[images[CONTRAST].ge(MIN_VISIBLE_CONTRAST)]
    sizes = images[LABEL].value_counts()
    images = images[images[LABEL].isin(sizes[sizes >= FEWEST_A_CLASS].index)]
    if not settings.check or len(images) < FEWEST_IMAGES or images[LABEL].nunique() < 2:  # noqa: PLR2004 - a choice needs two
        return None
    if len(images) > settings.max_images:
        # By content, so that the same old ones are judged in every run.
        old = ~images[PATH].isin(newcomers)
        order = images.assign(old=old).sort_values(["old", SHA256]).index
        images = images.loc[order[: settings.max_images].sort_values()]
    key = digest([images[PATH].tolist(), images[LABEL].tolist(), images[SHA256].tolist()])
    file = cache_dir and cache_dir / f"suspects-{key[:32]}.parquet"
    answered = read_parquet_or_none(file) if file else None
    if answered is None:
        answered = _suspects(images)
        if file:
            for earlier in file.parent.glob("suspects-*.parquet"):
                earlier.unlink()
            write_parquet(file, answered)
    accuracy = answered.attrs["accuracy"]
    if accuracy < settings.min_accuracy:
        log.info("labels are not judged: the quick model names %.0f%% rightly", 100 * accuracy)
        return None
    return answered


def _suspects(images: pd.DataFrame) -> pd.DataFrame:
    from cleanlab.filter import find_label_issues

    classes = np.sort(images[LABEL].unique().astype(object))
    labels = np.searchsorted(classes, images[LABEL].to_numpy(object))
    answers = cross_validated(_features(thumbnails_of(images)), labels)
    ranked = find_label_issues(
        labels, answers, return_indices_ranked_by="self_confidence", n_jobs=1
    )
    best, own = answers.argmax(axis=1), answers[np.arange(len(labels)), labels]
    accuracy = float((best == labels).mean())
    sure = answers.max(axis=1) >= (FAIRLY_SURE if accuracy >= STRONG else UNANIMOUS)
    firm = [at for at in ranked if sure[at]]
    told = images.iloc[firm][[PATH, LABEL]].assign(
        **{
            LOOKS_LIKE: classes[best[firm]],
            PROBABILITY: answers[firm, best[firm]],
            OF_LABEL: own[firm],
        }
    )
    told.attrs = {"accuracy": accuracy}
    return told.reset_index(drop=True)


def cross_validated(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (images, classes) probabilities, each from a model that did not see the image.

    Args:
        features: (images, features) float32.
        labels: (images,) numbers of the classes, each of them with `FEWEST_A_CLASS` images.
    """
    from sklearn.decomposition import PCA
    from sklearn.model_selection import StratifiedKFold
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline

    random = np.random.default_rng(0)
    answers = np.zeros((len(labels), labels.max() + 1))
    for learned, asked in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(
        features, labels
    ):
        some = random.permutation(learned)[:MOST_LEARNT]
        model = make_pipeline(
            PCA(min(COMPONENTS, len(some) // 2), random_state=0),
            KNeighborsClassifier(NEIGHBOURS, weights="distance", algorithm="brute"),
        ).fit(features[some], labels[some])
        answers[np.ix_(asked, model.classes_)] = model.predict_proba(features[asked])
    return answers


def _features(thumbs: np.ndarray) -> np.ndarray:
    """Return (images, 290) float32: shapes without their light, and their light and colours."""
    gray = thumbs[:, : GRAY_SIDE**2].astype(np.float32) / 255
    color = (thumbs[:, GRAY_SIDE**2 :].astype(np.float32) - NEUTRAL) / 32
    mean, spread = gray.mean(axis=1, keepdims=True), gray.std(axis=1, keepdims=True) + 0.05
    return np.hstack([(gray - mean) / spread, 2 * mean, 2 * spread, color])

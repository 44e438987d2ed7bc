"""An inventory goes in; the files whose label contradicts their looks come out, the worst first.

A quick model answers about pictures it did not learn from, and cleanlab's confident learning tells
which labels it can't believe (Northcutt, Jiang and Chuang, 2021). The model looks at thumbnails: it
is no match for a network, but costs seconds, and only its firm answers count.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from tasks.files import digest, read_parquet_or_none, write_parquet
from tasks.inventory.columns import CONTRAST, LABEL, PATH, SHA256, readable
from tasks.inventory.duplicates import SHOWS_SOMETHING, thumbnails_of
from tasks.inventory.looks import GRAY_SIDE, NEUTRAL

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    import pandas as pd

    from tasks.validation.settings import LabelErrorsRule

LOOKS_LIKE, PROBABILITY, OF_LABEL = "looks_like", "probability", "probability_of_label"
COLUMNS = [PATH, LABEL, LOOKS_LIKE, PROBABILITY, OF_LABEL]
FOLDS, NEIGHBOURS, COMPONENTS = 3, 10, 40
# Of each fold at most this many pictures are learnt from, so that time grows with the files only.
MOST_LEARNT = 15_000
FEWEST_PICTURES, FEWEST_A_CLASS = 200, 20
# A model that names so many rightly is believed when it is fairly sure; of a weaker one only what
# all neighbours say counts, as its mistakes would be told for those of the labels.
STRONG = 0.92
FAIRLY_SURE, UNANIMOUS = 0.6, 0.95

log = logging.getLogger("pixelgate.validation")


def find_suspects(
    inventory: pd.DataFrame,
    settings: LabelErrorsRule,
    *,
    newcomers: Collection[str] = (),
    memory: Path | None = None,
) -> pd.DataFrame | None:
    """Rank the files whose label is suspect.

    Args:
        inventory: readable rows with a label are looked at.
        settings: whether to look, and how good the quick model must be to be believed.
        newcomers: paths of files that are new since the last accepted run.
        memory: folder that remembers the answer about the same pictures and labels.

    Returns:
        path, label, looks_like, probability (of that class) and probability_of_label, the most
        suspect first; None where nothing can be said: too few pictures, or too weak a model.
    """
    pictures = readable(inventory)
    # What shows nothing is another rule's business; its label can't be told from it.
    pictures = pictures[pictures[CONTRAST].ge(SHOWS_SOMETHING)]
    sizes = pictures[LABEL].value_counts()
    pictures = pictures[pictures[LABEL].isin(sizes[sizes >= FEWEST_A_CLASS].index)]
    if not settings.check or len(pictures) < FEWEST_PICTURES or pictures[LABEL].nunique() < 2:  # noqa: PLR2004 - a choice needs two
        return None
    if len(pictures) > settings.max_pictures:
        # By content, so that the same old ones are judged in every run.
        old = ~pictures[PATH].isin(newcomers)
        order = pictures.assign(old=old).sort_values(["old", SHA256]).index
        pictures = pictures.loc[order[: settings.max_pictures].sort_values()]
    key = digest([pictures[PATH].tolist(), pictures[LABEL].tolist(), pictures[SHA256].tolist()])
    file = memory and memory / f"suspects-{key[:32]}.parquet"
    answered = read_parquet_or_none(file) if file else None
    if answered is None:
        answered = _suspects(pictures)
        if file:
            for earlier in file.parent.glob("suspects-*.parquet"):
                earlier.unlink()
            write_parquet(file, answered)
    accuracy = answered.attrs["accuracy"]
    if accuracy < settings.min_accuracy:
        log.info("labels are not judged: the quick model names %.0f%% rightly", 100 * accuracy)
        return None
    return answered


def _suspects(pictures: pd.DataFrame) -> pd.DataFrame:
    from cleanlab.filter import find_label_issues

    classes = np.sort(pictures[LABEL].unique().astype(object))
    labels = np.searchsorted(classes, pictures[LABEL].to_numpy(object))
    answers = cross_validated(_features(thumbnails_of(pictures)), labels)
    ranked = find_label_issues(
        labels, answers, return_indices_ranked_by="self_confidence", n_jobs=1
    )
    best, own = answers.argmax(axis=1), answers[np.arange(len(labels)), labels]
    accuracy = float((best == labels).mean())
    sure = answers.max(axis=1) >= (FAIRLY_SURE if accuracy >= STRONG else UNANIMOUS)
    firm = [at for at in ranked if sure[at]]
    told = pictures.iloc[firm][[PATH, LABEL]].assign(
        **{
            LOOKS_LIKE: classes[best[firm]],
            PROBABILITY: answers[firm, best[firm]],
            OF_LABEL: own[firm],
        }
    )
    told.attrs = {"accuracy": accuracy}
    return told.reset_index(drop=True)


def cross_validated(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (pictures, classes) probabilities, each from a model that did not see the picture.

    Args:
        features: (pictures, features) float32.
        labels: (pictures,) numbers of the classes, each of them with `FEWEST_A_CLASS` pictures.
    """
    from sklearn.decomposition import PCA
    from sklearn.model_selection import StratifiedKFold
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline

    random = np.random.default_rng(0)
    answers = np.zeros((len(labels), labels.max() + 1))
    for learnt, asked in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(
        features, labels
    ):
        some = random.permutation(learnt)[:MOST_LEARNT]
        model = make_pipeline(
            PCA(min(COMPONENTS, len(some) // 2), random_state=0),
            KNeighborsClassifier(NEIGHBOURS, weights="distance", algorithm="brute"),
        ).fit(features[some], labels[some])
        answers[np.ix_(asked, model.classes_)] = model.predict_proba(features[asked])
    return answers


def _features(thumbs: np.ndarray) -> np.ndarray:
    """Return (pictures, 290) float32: shapes without their light, and their light and colours."""
    gray = thumbs[:, : GRAY_SIDE**2].astype(np.float32) / 255
    color = (thumbs[:, GRAY_SIDE**2 :].astype(np.float32) - NEUTRAL) / 32
    mean, spread = gray.mean(axis=1, keepdims=True), gray.std(axis=1, keepdims=True) + 0.05
    return np.hstack([(gray - mean) / spread, 2 * mean, 2 * spread, color])

"""Embeddings and labels go in; how likely each label is, by a model not fitted on its image."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

FOLDS, COMPONENTS = 5, 128
# The inverse of the regularization's strength, as scikit-learn has it: strong enough that a few
# wrong labels are not learned by heart. Times the number of images at least WEIGHT, as a model of a
# few hundred images would be sure of nothing.
INVERSE_STRENGTH, WEIGHT = 0.003, 5.0


def probe(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (images, classes) probabilities of a logistic regression, each out of sample.

    Args:
        features: (images, 1280) float32, normalized embeddings.
        labels: (images,) class indices, each with at least FOLDS images.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    # Once for all folds, as it sees no labels.
    reduced = make_pipeline(
        StandardScaler(), PCA(min(COMPONENTS, len(features) // 2), random_state=0)
    ).fit_transform(features)
    strength = max(INVERSE_STRENGTH, WEIGHT / len(features))
    model = LogisticRegression(C=strength, max_iter=1_000)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    # Products of so small matrices take five times as long where several threads share them.
    with threadpool_limits(1, user_api="blas"):
        probabilities: np.ndarray = cross_val_predict(
            model, reduced, labels, cv=folds, method="predict_proba"
        )
    return probabilities

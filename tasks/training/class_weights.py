"""Weights of the classes in the loss, so that a rare class counts as much as a common one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.utils.class_weight import compute_class_weight

from tasks.errors import SettingsError
from tasks.generators.inputs import TARGET
from tasks.inventory.columns import SPLIT, TRAIN

if TYPE_CHECKING:
    from tasks.config.training import TrainingConfig
    from tasks.generators.inputs import Inputs


def class_weights(inputs: Inputs, settings: TrainingConfig) -> np.ndarray | None:
    """Return the weight of each class in the loss, (classes,) float32; None if all are alike.

    Raises:
        SettingsError: a label of training.class_weight is not among the classes.
    """
    requested, classes = settings.class_weight, inputs.contract.classes
    if requested is None:
        return None
    if requested == "balanced":
        index = pd.read_parquet(inputs.index, columns=[SPLIT, TARGET])
        targets = index.loc[index[SPLIT] == TRAIN, TARGET]
        # A class may have no training image, and scikit-learn refuses classes without any.
        present = np.unique(targets)
        weights = np.ones(len(classes), "float32")
        weights[present] = compute_class_weight("balanced", classes=present, y=targets)
        return weights
    unknown = sorted(set(requested) - set(classes))
    if unknown:
        raise SettingsError(
            f"training.class_weight names {unknown}, which are not among the classes"
            f" {list(classes)}."
        )
    return np.array([requested.get(label, 1.0) for label in classes], "float32")

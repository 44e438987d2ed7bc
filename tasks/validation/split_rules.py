"""An inventory and the gate's settings go in; what is expected of classes in splits comes out.

A split that the data gives is judged as it was given. What is drawn from it is a fair sample of it,
but for rounding, and is judged only by how many images each class has.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from expectations import suites
from tasks.inventory.columns import LABEL, SPLITS, TEST, TRAIN, VALIDATION, readable
from tasks.validation.derived_columns import READABLE_LABEL, TRAINING_LABEL
from tasks.validation.split_origin import given_splits

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from great_expectations.expectations.expectation import Expectation

    from tasks.config.gate import GateConfig

# Of the fewest images per class: what our own fractions leave in train, and draw for test.
TRAIN_SHARE, TEST_SHARE = 0.6, 0.2


def split_expectations(frame: pd.DataFrame, gate: GateConfig) -> Iterator[Expectation]:
    """Return what is expected of the classes as a whole, and of those in each split."""
    yield from _sizes_in_splits(frame, gate)
    yield suites.models_tellable(
        f"{LABEL}_{TEST}",
        max_noise=gate.test_size.max_noise,
        severity=gate.test_size.severity,
    )
    yield suites.several_classes(READABLE_LABEL, severity=gate.several_classes.severity)
    yield suites.classes_large_enough(
        READABLE_LABEL, min_count=int(gate.class_size.min_files), severity=gate.class_size.severity
    )
    yield from _balance(frame, gate)
    yield from _shares(frame, gate)


def classes_in_splits(frame: pd.DataFrame, gate: GateConfig) -> Iterator[Expectation]:
    """Expect every class in every split."""
    classes = sorted(set(readable(frame)[LABEL]))
    for split in SPLITS:
        yield suites.classes_present(
            "classes_in_splits",
            f"{LABEL}_{split}",
            classes,
            f"Every class has images in the {split} split.",
            severity=gate.classes_in_splits.severity,
        )


def _sizes_in_splits(frame: pd.DataFrame, gate: GateConfig) -> Iterator[Expectation]:
    rule = gate.class_size
    # Thresholds can be `learn` in the settings; here they are numbers.
    least = int(rule.min_files)
    in_test = rule.min_test_files or math.ceil(TEST_SHARE * least)
    bounds = {TRAIN: rule.min_train_files or math.ceil(TRAIN_SHARE * least), TEST: in_test}
    if VALIDATION in given_splits(frame):
        bounds[VALIDATION] = in_test
    counts = frame[READABLE_LABEL].value_counts()
    for split, bound in bounds.items():
        yield suites.classes_large_enough(
            f"{LABEL}_{split}",
            min_count=bound,
            severity=rule.severity,
            where=f" in {split}",
            # Named by the expectation of all splits together.
            ignored=[str(label) for label in counts.index[counts < least]],
        )


def _balance(frame: pd.DataFrame, gate: GateConfig) -> Iterator[Expectation]:
    columns = {READABLE_LABEL: ""}
    if given := given_splits(frame):
        columns = {TRAINING_LABEL: " in train"} | {
            f"{LABEL}_{split}": f" in {split}" for split in given
        }
    for column, where in columns.items():
        yield suites.classes_balanced(
            column,
            max_ratio=float(gate.class_balance.max_ratio),
            severity=gate.class_balance.severity,
            where=where,
        )


def _shares(frame: pd.DataFrame, gate: GateConfig) -> Iterator[Expectation]:
    counts = frame[TRAINING_LABEL].value_counts()
    for split in given_splits(frame):
        yield suites.shares_stay(
            "split_shares",
            f"{LABEL}_{split}",
            {str(label): float(count) for label, count in counts.items()},
            max_psi=float(gate.split_shares.max_psi),
            severity=gate.split_shares.severity,
            of=f"that in train, among the images in {split}",
            # Classes that a split lacks are named by another rule.
            only_common=True,
        )

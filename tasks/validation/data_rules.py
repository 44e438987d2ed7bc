"""An inventory and the gate's settings go in; the expectations of each rule come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expectations import suites
from tasks.inventory.columns import (
    CONTRAST,
    DAMAGE,
    ERROR,
    FORMAT_MATCHES_EXTENSION,
    FRAMES,
    LABEL,
    SPLIT,
    TRAIN,
)
from tasks.validation.derived_columns import (
    CONFLICT,
    COPY,
    LEAK,
    NEAR_COPY,
    NEAR_LEAK,
    READABLE_LABEL,
    SUSPECT,
)
from tasks.validation.embedding_columns import OUTLIER
from tasks.validation.history_rules import history_expectations, shares_expectations
from tasks.validation.shape_rules import shape_expectations
from tasks.validation.sibling_columns import NAMED_SIBLING, SIBLING_LEAK
from tasks.validation.split_rules import classes_in_splits, split_expectations

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.expectations.expectation import Expectation

    from tasks.config.gate import GateConfig
    from tasks.config.gate_rules import DuplicatesRule
    from tasks.validation.context import Context

CLASSES_SHOWN = 12


# Thresholds can be `learn` in the settings. `learned_thresholds` has replaced it by now, which
# float() tells the type checker.


def suites_for(
    frame: pd.DataFrame, gate: GateConfig, context: Context
) -> dict[str, list[Expectation]]:
    """Return the expectations of every rule, by the name of their suite.

    Args:
        frame: an inventory with the columns of `add_derived_columns`.
        gate: severity and threshold of each rule, learned ones already as numbers.
        context: what was accepted before.
    """
    by_suite = {
        "integrity": _integrity(gate),
        "shape": list(shape_expectations(frame, gate, context)),
        "labels": _labels(frame, gate, context),
        "balance": [*split_expectations(frame, gate), *shares_expectations(gate, context)],
        "duplicates": _duplicates(gate),
        "history": list(history_expectations(frame, gate, context)),
    }
    # The Data Docs would show an empty suite as one that passed.
    return {name: expectations for name, expectations in by_suite.items() if expectations}


def _integrity(gate: GateConfig) -> list[Expectation]:
    return [
        suites.no_problems(
            "decodes", ERROR, "Every file decodes to an image.", severity=gate.decodes.severity
        ),
        suites.values_in(
            "format_matches_extension",
            FORMAT_MATCHES_EXTENSION,
            [True],
            "Every file has the format its extension names.",
            severity=gate.format_matches_extension.severity,
        ),
        suites.no_problems(
            "intact",
            DAMAGE,
            "No image is damaged and decodes to garbage or gray all the same.",
            severity=gate.intact.severity,
        ),
        suites.numbers_between(
            "single_frame",
            FRAMES,
            low=1,
            high=1,
            description="No file is an animation or has several pages.",
            severity=gate.single_frame.severity,
        ),
        suites.numbers_between(
            "not_blank",
            CONTRAST,
            low=float(gate.not_blank.min_contrast),
            description="Every image has a contrast of {bounds}.",
            severity=gate.not_blank.severity,
        ),
    ]


def _labels(frame: pd.DataFrame, gate: GateConfig, context: Context) -> list[Expectation]:
    expectations = [
        suites.labelled(LABEL, severity=gate.labelled.severity),
        suites.distinct_spellings(LABEL, severity=gate.label_names.severity),
        suites.no_problems(
            "conflicting_labels",
            CONFLICT,
            "No image appears under two labels.",
            severity=gate.conflicting_labels.severity,
        ),
        *classes_in_splits(frame, gate),
    ]
    # Labels are judged only where there are enough images and the quick model is good enough.
    if SUSPECT in frame:
        expectations.append(
            suites.few_problems(
                "label_errors",
                SUSPECT,
                "At most {share:.1%} of the labels contradict what the images show.",
                max_share=float(gate.label_errors.max_share),
                severity=gate.label_errors.severity,
            )
        )
    if OUTLIER in frame:
        expectations.append(
            suites.few_problems(
                "outliers",
                OUTLIER,
                "At most {share:.1%} of the images show something else than all others.",
                max_share=float(gate.outliers.max_share),
                severity=gate.outliers.severity,
            )
        )
    return [*expectations, *_known_classes(gate, context)]


def _known_classes(gate: GateConfig, context: Context) -> list[Expectation]:
    severity = gate.known_classes.severity
    declared = gate.known_classes.classes
    known = sorted(declared if declared is not None else context.champion_classes or ())
    if not known:
        return []
    source = "declared class" if declared is not None else "class of the model in production"
    return [
        suites.values_in(
            "known_classes",
            LABEL,
            known,
            f"Every class is one of {_first_names(known)}.",
            severity=severity,
        ),
        suites.classes_present(
            "known_classes",
            READABLE_LABEL,
            known,
            f"Every {source} has images.",
            severity=severity,
        ),
    ]


def _first_names(names: list[str]) -> str:
    shown = ", ".join(names[:CLASSES_SHOWN])
    more = len(names) - CLASSES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _duplicates(gate: GateConfig) -> list[Expectation]:
    return [
        suites.no_problems(
            "leakage", LEAK, "No image appears in two splits.", severity=gate.leakage.severity
        ),
        suites.few_problems(
            "near_leakage",
            NEAR_LEAK,
            "At most {share:.2%} of the test and validation files are near-duplicates of a file in"
            " another split.",
            max_share=float(gate.near_leakage.max_share),
            # The share is of the files that are tested on: the training file of a pair is left out.
            not_where=(SPLIT, TRAIN),
            severity=gate.near_leakage.severity,
        ),
        suites.no_problems(
            "sibling_leakage",
            SIBLING_LEAK,
            "No siblings, such as copies augmented from one source, are in two splits.",
            severity=gate.sibling_leakage.severity,
        ),
        suites.few_problems(
            "siblings",
            NAMED_SIBLING,
            "At most {share:.2%} of the files are named like siblings that the draw of a split"
            " could part.",
            max_share=float(gate.siblings.max_share),
            severity=gate.siblings.severity,
        ),
        _few_duplicates("exact_duplicates", COPY, "copies", gate.exact_duplicates),
        _few_duplicates("near_duplicates", NEAR_COPY, "near-duplicates", gate.near_duplicates),
    ]


def _few_duplicates(rule: str, column: str, kind: str, settings: DuplicatesRule) -> Expectation:
    return suites.few_problems(
        rule,
        column,
        f"At most {{share:.1%}} of the files are {kind} of another file in their split.",
        max_share=float(settings.max_share),
        severity=settings.severity,
    )

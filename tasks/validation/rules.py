"""A frame and the gate's settings go in; the expectations of each rule come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from expectations import suites
from tasks.inventory.columns import (
    ASPECT,
    BIT_DEPTH,
    CONTRAST,
    ERROR,
    FRAMES,
    HEIGHT,
    HONEST_SUFFIX,
    LABEL,
    MODE,
    ORIENTATION,
    SPLITS,
    WIDTH,
    readable,
)
from tasks.validation.columns import CONFLICT, COPY, LEAK, READABLE_LABEL, SIZE

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.expectations.expectation import Expectation

    from tasks.config import GateConfig

REMEDIES = {
    "decodes": "Mend or remove these files, or set gate.decodes.quarantine = true to train without"
    " them, up to a cap.",
    "honest_suffix": "Rename these files by their format, or save them anew in the one they name.",
    "single_frame": "Save one frame of each as a picture of its own, or remove these files.",
    "not_blank": "Remove these files, or lower gate.not_blank.min_contrast.",
    "bit_depth": "The upper 8 bits are used. Convert these files, or raise"
    " gate.bit_depth.max_bits.",
    "upright": "The pictures are turned before training. Turn the files, or set"
    " gate.upright.severity = info.",
    "label_names": "Give these classes one name: move their files into one folder.",
    "one_label": "Decide for one label and remove the other copy.",
    "known_classes": "Move or remove what does not belong, or change gate.known_classes.classes.",
    "leakage": "Remove the copy in one of the splits: no model may be tested on what it learnt.",
    "copies": "Remove the copies, or raise gate.copies.max_share.",
    "labelled": "Move these files into the folder of their class, or set data.label_pattern.",
    "sizes": "Resize or remove these files, or list the sizes you accept in gate.sizes.allowed.",
    "modes": "Convert these files, or list the modes you accept in gate.modes.allowed.",
    "class_size": "Add pictures to these classes or remove them, or lower"
    " gate.class_size.min_files.",
    "class_balance": "Add pictures to the smallest class, or raise gate.class_balance.max_ratio.",
    "classes_in_splits": "Give every class pictures in every split, or raise data.test_fraction"
    " and data.validation_fraction.",
}


def suites_for(frame: pd.DataFrame, gate: GateConfig) -> dict[str, list[Expectation]]:
    """Return the expectations of every rule, by the suite they belong to.

    Args:
        frame: an inventory with the columns of `with_derived_columns`.
        gate: severity and threshold of each rule.
    """
    return {
        "integrity": _integrity(gate),
        "shape": _shape(frame, gate),
        "labels": _labels(frame, gate),
        "balance": _balance(gate),
        "duplicates": _duplicates(gate),
    }


def _integrity(gate: GateConfig) -> list[Expectation]:
    return [
        suites.nothing_told(
            "decodes", ERROR, "Every file decodes to a picture.", severity=gate.decodes.severity
        ),
        suites.values_in(
            "honest_suffix",
            HONEST_SUFFIX,
            [True],
            "Every file is of the format its suffix names.",
            severity=gate.honest_suffix.severity,
        ),
        suites.numbers_between(
            "single_frame",
            FRAMES,
            low=1,
            high=1,
            description="Every file holds a single picture, no animation and no pages.",
            severity=gate.single_frame.severity,
        ),
        suites.numbers_between(
            "not_blank",
            CONTRAST,
            low=gate.not_blank.min_contrast,
            description="Every picture has a contrast of {bounds}.",
            severity=gate.not_blank.severity,
        ),
    ]


def _shape(frame: pd.DataFrame, gate: GateConfig) -> list[Expectation]:
    sizes = gate.sizes
    expectations = [
        *_one_of("sizes", frame[SIZE], sizes.allowed, "image size", sizes.severity),
        *_one_of("modes", frame[MODE], gate.modes.allowed, "mode", gate.modes.severity),
        suites.numbers_between(
            "bit_depth",
            BIT_DEPTH,
            high=gate.bit_depth.max_bits,
            description="Every picture has {bounds} bits a channel.",
            severity=gate.bit_depth.severity,
        ),
        suites.numbers_between(
            "upright",
            ORIENTATION,
            low=1,
            high=1,
            description="No EXIF orientation turns a picture.",
            severity=gate.upright.severity,
        ),
    ]
    for column, low, high, unit in (
        (HEIGHT, sizes.min_side, sizes.max_side, " pixels"),
        (WIDTH, sizes.min_side, sizes.max_side, " pixels"),
        (ASPECT, sizes.min_aspect, sizes.max_aspect, ""),
    ):
        if low is not None or high is not None:
            expectations.append(
                suites.numbers_between(
                    "sizes",
                    column,
                    low=low,
                    high=high,
                    description=f"Every {column} is {{bounds}}{unit}.",
                    severity=sizes.severity,
                )
            )
    return expectations


def _labels(frame: pd.DataFrame, gate: GateConfig) -> list[Expectation]:
    classes = sorted(set(readable(frame)[LABEL]))
    expectations = [
        suites.labelled(LABEL, severity=gate.labelled.severity),
        suites.spelled_apart(LABEL, severity=gate.label_names.severity),
        suites.nothing_told(
            "one_label",
            CONFLICT,
            "No picture stands under two labels.",
            severity=gate.one_label.severity,
        ),
        *(
            suites.classes_present(
                "classes_in_splits",
                f"{LABEL}_{split}",
                classes,
                f"Every class has pictures in the {split} split.",
                severity=gate.classes_in_splits.severity,
            )
            for split in SPLITS
        ),
    ]
    known = gate.known_classes
    if known.classes is None:
        return expectations
    return [
        *expectations,
        suites.values_in(
            "known_classes",
            LABEL,
            sorted(known.classes),
            f"Every class is one of {', '.join(sorted(known.classes))}.",
            severity=known.severity,
        ),
        suites.classes_present(
            "known_classes",
            READABLE_LABEL,
            known.classes,
            "Every declared class has pictures.",
            severity=known.severity,
        ),
    ]


def _balance(gate: GateConfig) -> list[Expectation]:
    return [
        suites.classes_large_enough(
            READABLE_LABEL,
            min_count=gate.class_size.min_files,
            severity=gate.class_size.severity,
        ),
        suites.classes_balanced(
            READABLE_LABEL,
            max_ratio=gate.class_balance.max_ratio,
            severity=gate.class_balance.severity,
        ),
    ]


def _duplicates(gate: GateConfig) -> list[Expectation]:
    return [
        suites.nothing_told(
            "leakage", LEAK, "No picture stands in two splits.", severity=gate.leakage.severity
        ),
        suites.nothing_told(
            "copies",
            COPY,
            f"At most {gate.copies.max_share:.1%} of the files repeat another of their split.",
            mostly=1 - gate.copies.max_share,
            severity=gate.copies.severity,
        ),
    ]


def _one_of(
    rule: str, values: pd.Series, allowed: str | list[Any], what: str, severity: str
) -> list[Expectation]:
    """Expect one of the values that are allowed; none, where any may stand."""
    wanted = _allowed(values, allowed)
    if not wanted:
        return []
    description = f"Every {what} is {' or '.join(wanted)}."
    return [suites.values_in(rule, str(values.name), wanted, description, severity=severity)]


def _allowed(values: pd.Series, allowed: str | list[Any]) -> list[str]:
    if allowed == "uniform":
        return [str(value) for value in values.mode().head(1)]
    if isinstance(allowed, str):
        return []
    return sorted(
        value if isinstance(value, str) else "x".join(map(str, value)) for value in allowed
    )

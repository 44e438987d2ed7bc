"""The settings of the rules that suspect images by what they show."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.config.base import Fraction, Positive, Severity
from tasks.config.gate_rules import Learn, ShareRule


class LabelErrorsRule(ShareRule):
    """Few labels contradict what the images show."""

    # Only a suspicion: a person must look at the images.
    severity: Severity = "warning"
    max_share: Fraction | Learn = Field(
        0.01, description="Largest share of files whose label may be suspect; or learn."
    )
    check: bool = Field(
        default=True, description="Look for suspect labels; false saves a few seconds per run."
    )
    max_images: Positive = Field(
        100_000,
        description="Most images that are judged; of a larger set new images come first.",
    )
    min_accuracy: Fraction = Field(
        0.85,
        description="Cross-validated accuracy below which the quick model is not trusted and no"
        " label is judged.",
    )
    min_probe_accuracy: Fraction = Field(
        0.6,
        description="The same where images are embedded: a model on embeddings that is less sure"
        " still knows when it is.",
    )


class OutliersRule(ShareRule):
    """Few images show something else than all others."""

    # A strange image may be a rare one: a person must look at it.
    severity: Severity = "warning"
    max_share: Fraction | Learn = Field(
        0.005, description="Largest share of embedded files that may be outliers; or learn."
    )
    far: Annotated[float, Field(gt=0)] = Field(
        4.0,
        description="Distance of an image's embedding to its nearest neighbours from which on it is"
        " an outlier, in standard deviations from what is usual in its class.",
    )

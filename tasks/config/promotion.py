"""The settings of the model gate's comparison: what a model must achieve against the champion."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tasks.config.base import Fraction, Part


class PromotionConfig(Part):
    """Which model takes the champion's place."""

    policy: Literal["not_worse", "better", "manual", "shadow"] = Field(
        "not_worse",
        description="not_worse: promote a model that is better than the champion, or whose interval"
        " excludes a loss beyond the margin; better: only one that is better; manual: a person"
        " decides (`pixelgate promote`); shadow: never.",
    )
    approval_hours: Annotated[float, Field(ge=0, le=720)] = Field(
        0.0,
        description="How long a run under policy manual pauses in Prefect, where whoever resumes it"
        " decides; 0: it ends at once, and `pixelgate promote` decides.",
    )
    margin: Fraction = Field(
        0.01,
        description="Largest loss of test accuracy against the champion that counts as no loss.",
    )
    on_cannot_tell: Literal["keep_champion", "promote", "reject"] = Field(
        "keep_champion",
        description="What happens when the test images are too few to tell: the champion stays, the"
        " new model is promoted all the same, or it is rejected (exit code 4).",
    )
    confidence_level: Annotated[float, Field(ge=0.5, lt=1)] = Field(
        0.95,
        description="Confidence level of the comparison: a model that is worse by the margin is"
        " promoted in at most half of the rest (2.5%).",
    )
    min_class_recall: Fraction = Field(
        0.0,
        description="A model with a class whose recall is certainly lower (by its interval) is"
        " rejected; 0 asks for none.",
    )
    min_slice_accuracy: Fraction = Field(
        0.0,
        description="A model with a slice of the test images, such as the darkest quarter, whose"
        " accuracy is certainly lower (by its interval) is rejected; 0 asks for none.",
    )
    max_robustness_loss: Annotated[float, Field(ge=0, le=1)] = Field(
        0.05,
        description="Largest loss of accuracy on corrupted images against the champion that a model"
        " is promoted with; it must be exceeded for certain (by its interval). 1 allows any.",
    )
    max_latency_ratio: Annotated[float, Field(gt=0)] | None = Field(
        None,
        description="Most time for one image that a promoted model takes, as a multiple of the"
        " champion's; default: any.",
    )
    max_size_ratio: Annotated[float, Field(gt=0)] | None = Field(
        None,
        description="Largest model file that is promoted, as a multiple of the champion's;"
        " default: any.",
    )
    max_newly_wrong: Annotated[float, Field(ge=0, le=1)] = Field(
        1.0,
        description="Largest share of the test images that the champion classifies correctly and"
        " the new model doesn't; 1 allows any.",
    )
    max_calibration_error: Annotated[float, Field(ge=0, le=1)] = Field(
        1.0,
        description="Largest expected calibration error of a model that is promoted; 1 allows any.",
    )

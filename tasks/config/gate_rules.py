"""The settings of each kind of rule of the data gate: its severity and its threshold.

A threshold set to `learn` comes from the last accepted runs; see `LearningConfig`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tasks.config.base import Fraction, Part, Positive, Severity, Size

Learn = Literal["learn"]


class Rule(Part):
    """One rule of the data gate."""

    # First in every rule: `pixelgate config` shows it with the sentence of the rule.
    severity: Severity = "critical"


class FileRule(Rule):
    """A rule that names single files."""

    quarantine: bool = Field(
        default=False,
        description="Leave the offending files out of the run, up to the limits of"
        " gate.quarantine, instead of failing.",
    )


class SizesRule(FileRule):
    """Image sizes are among the expected ones."""

    allowed: Literal["auto", "uniform", "any"] | list[Size] = Field(
        "auto",
        description="auto (one size for all where 95% of the images have it, else none far outside"
        " the others), uniform (one size for all), any, or a list of [height, width] in pixels.",
    )
    far: Annotated[float, Field(gt=0)] = Field(
        2.5,
        description="With allowed = auto: how far outside the middle 90% of all sides or aspect"
        " ratios a file may be, in widths of that range on a logarithmic scale.",
    )
    min_side: Positive | None = Field(
        None, description="Smallest height or width in pixels; for a range, with allowed = any."
    )
    max_side: Positive | None = Field(
        None, description="Largest height or width in pixels; for a range, with allowed = any."
    )
    min_aspect: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Smallest ratio of width to height."
    )
    max_aspect: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Largest ratio of width to height."
    )


class ModesRule(FileRule):
    """Pillow modes are among the expected ones."""

    # Every image is converted to the model's channels, so any mode can be trained on.
    severity: Severity = "warning"
    allowed: Literal["uniform", "any"] | list[str] = Field(
        "uniform", description="uniform (one mode for all), any, or a list such as ['L', 'RGB']."
    )


class BlankRule(FileRule):
    """No image is blank."""

    min_contrast: Annotated[float, Field(ge=0)] | Learn = Field(
        1.0, description="Smallest standard deviation of the gray values, 0 to 127.5; or learn."
    )


class BitDepthRule(FileRule):
    """Images have no more bits per channel than the model receives."""

    severity: Severity = "warning"
    max_bits: Positive = Field(8, description="Most bits per channel, as stored in the file.")


class ValueRangeRule(FileRule):
    """Images of more than 8 bits keep some of their levels when they are scaled."""

    min_levels: Annotated[float, Field(ge=0)] = Field(
        8.0,
        description="Fewest of 256 levels that scaling by generators.value_range leaves of an"
        " image.",
    )


class ClassValuesRule(FileRule):
    """All classes of images of more than 8 bits were saved in one range of values."""

    # A class may be darker by its nature.
    severity: Severity = "warning"
    max_ratio: Annotated[float, Field(ge=1)] = Field(
        3.0, description="Largest ratio of the widths of two classes' ranges of values."
    )


class KnownClassesRule(FileRule):
    """The classes are the declared ones, or those of the model in production."""

    classes: list[str] | None = Field(
        None,
        description="The exact set of classes; default: those of the champion, once there is one.",
    )


class ShareRule(FileRule):
    """A few files may break the rule; more of them fail it."""

    max_share: Fraction | Learn = Field(
        0.05, description="Largest share of files that may break the rule; or learn."
    )


class EmptyClassesRule(Rule):
    """No class folder is empty."""

    # The other classes are all there; the folder may be a leftover.
    severity: Severity = "warning"


class PassedOverRule(Rule):
    """Few files in class folders are no images."""

    # What is passed over is no image, or of another format than the rest: worth a look.
    severity: Severity = "warning"
    max_share: Fraction | Learn = Field(
        0.05,
        description="Largest share of the files in class folders that may be passed over as files"
        " of one extension; or learn.",
    )


class DuplicatesRule(ShareRule):
    """Few images repeat another image of their split."""

    # Copies within a split give some images more weight, but don't falsify the test score.
    severity: Severity = "warning"


class NearLeakageRule(ShareRule):
    """Almost no test or validation image is a near-duplicate of one in another split."""

    # Stricter than for duplicates: a leaked image makes the test score too good.
    max_share: Fraction | Learn = Field(
        0.001,
        description="Largest share of the test and validation files that may be near-duplicates of"
        " one in another split; or learn.",
    )


class SiblingsRule(ShareRule):
    """Almost no images are named like siblings that the draw of a split could part."""

    # Names are only a sign.
    severity: Severity = "warning"
    max_share: Fraction | Learn = Field(
        0.001,
        description="Largest share of files that may be named like siblings without"
        " data.group_pattern or a column group that keeps them together; or learn.",
    )


class RelabelledRule(ShareRule):
    """Few images changed their class since the last accepted run."""

    max_share: Fraction | Learn = Field(
        0.01, description="Largest share of files that may have changed their class; or learn."
    )


class ClassSizeRule(Rule):
    """Every class has enough images, and enough of them in each split."""

    min_files: Positive | Learn = Field(
        10, description="Fewest readable images per class; or learn."
    )
    min_train_files: Positive | None = Field(
        None, description="Fewest images of a class in train; default: 60% of min_files."
    )
    min_test_files: Positive | None = Field(
        None,
        description="Fewest images of a class in test, and in a validation split that the data"
        " gives; default: 20% of min_files.",
    )


class ClassBalanceRule(Rule):
    """No class is much larger than another."""

    max_ratio: Annotated[float, Field(ge=1)] | Learn = Field(
        10.0, description="Largest ratio of the largest class to the smallest; or learn."
    )


class ClassSharesRule(Rule):
    """Each class has its declared share, or the share it had in the last accepted run."""

    severity: Severity = "warning"
    declared: dict[str, Annotated[float, Field(gt=0, le=1)]] | None = Field(
        None,
        description="Share of each class, such as {cat = 0.5, dog = 0.5}; default: the shares in"
        " the last accepted run.",
    )
    max_psi: Annotated[float, Field(gt=0)] | Learn = Field(
        0.1,
        description="Largest population stability index; counts only if a chi-square test confirms"
        " the change. Or learn.",
    )


class SplitSharesRule(Rule):
    """Each class has about the same share in the splits that the data gives as in training."""

    # Above it, the test split measures the accuracy on other data than the model was trained for.
    max_psi: Annotated[float, Field(gt=0)] | Learn = Field(
        1.0,
        description="Largest population stability index of the shares in test or validation against"
        " those in training; counts only if a chi-square test confirms it. Or learn.",
    )


class TestSizeRule(Rule):
    """The test split is large enough to tell models apart."""

    # pytest would take it for a class of tests.
    __test__ = False
    max_noise: Annotated[float, Field(gt=0)] = Field(
        1.0,
        description="Largest difference of accuracy, 0 to 1, that may be noise: 6 images divided by"
        " those in test, as fewer differing answers are chance (sign test, 5%).",
    )


class DriftRule(Rule):
    """A feature of the images is distributed as in the last accepted run."""

    # Retraining exists because data changes, so a change alone must not stop it.
    severity: Severity = "warning"
    max_distance: Annotated[float, Field(gt=0, le=1)] | Learn = Field(
        0.1,
        description="Largest Kolmogorov-Smirnov distance of all images from the last accepted"
        " ones, 0 to 1; or learn.",
    )
    # Wider, as a batch of new images is small and seldom a fair sample of everything.
    max_distance_of_new: Annotated[float, Field(gt=0, le=1)] = Field(
        0.35, description="The same for new images alone, where there are 30 or more."
    )


class VolumeRule(Rule):
    """The data has not shrunk since the last accepted run."""

    max_shrink: Fraction | Learn = Field(
        0.2,
        description="Largest share of the files in the last accepted run that may be gone; or"
        " learn.",
    )


class StalenessRule(Rule):
    """New images arrived recently."""

    # Old data can still be trained on; the upload is what needs attention.
    severity: Severity = "warning"
    max_days: Annotated[float, Field(gt=0)] = Field(
        30.0, description="Most days since an accepted run contained a new image."
    )

"""The data gate's part of the settings: a rule a field, each with its severity and threshold.

Where a threshold says `learn`, it comes from the last accepted runs; see `learning`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tasks.config.base import Fraction, Part, Positive, Severity, Size

Learn = Literal["learn"]


class Rule(Part):
    """One rule of the data gate: how severe its failure is."""

    severity: Severity = Field(
        "critical", description="critical stops the run, warning and info are reported."
    )


class FileRule(Rule):
    """A rule that names single files."""

    quarantine: bool = Field(
        default=False,
        description="Leave the offending files out of the run, up to the cap, and go on.",
    )


class SizesRule(FileRule):
    """Image sizes are what is expected."""

    allowed: Literal["uniform", "any"] | list[Size] = Field(
        "uniform",
        description="uniform (one size for all), any, or a list of [height, width] in pixels.",
    )
    min_side: Positive | None = Field(
        None, description="Shortest height or width, pixels; with allowed = any for a range."
    )
    max_side: Positive | None = Field(
        None, description="Longest height or width, pixels; with allowed = any for a range."
    )
    min_aspect: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Least width divided by height."
    )
    max_aspect: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Greatest width divided by height."
    )


class ModesRule(FileRule):
    """Pillow modes are what is expected."""

    severity: Severity = "warning"
    allowed: Literal["uniform", "any"] | list[str] = Field(
        "uniform", description="uniform (one mode for all), any, or a list such as ['L', 'RGB']."
    )


class BlankRule(FileRule):
    """Every image shows something."""

    min_contrast: Annotated[float, Field(ge=0)] | Learn = Field(
        1.0, description="Least standard deviation of the gray values, 0 to 127.5; or learn."
    )


class BitDepthRule(FileRule):
    """Images have no more bits a channel than the model is given."""

    severity: Severity = "warning"
    max_bits: Positive = Field(8, description="Most bits a channel, as stored.")


class KnownClassesRule(FileRule):
    """The classes are those that were declared, or those of the model in production."""

    classes: list[str] | None = Field(
        None,
        description="Every class there must be, and no other; default: the champion's, once there"
        " is one.",
    )


class ShareRule(FileRule):
    """Few files may break a rule; more fail it."""

    max_share: Fraction | Learn = Field(
        0.05, description="Largest share of files that may break the rule; or learn."
    )


class DuplicatesRule(ShareRule):
    """Few images are copies of others in their split."""

    severity: Severity = "warning"


class NearLeakageRule(ShareRule):
    """Hardly any test or validation image is a near-duplicate of one in another split."""

    max_share: Fraction | Learn = Field(
        0.001, description="Largest share of test and validation files that may be; or learn."
    )


class RelabelledRule(ShareRule):
    """Few images changed their class since the last accepted run."""

    max_share: Fraction | Learn = Field(
        0.01, description="Largest share of files that may have changed their class; or learn."
    )


class LabelErrorsRule(ShareRule):
    """Few labels contradict what the images look like."""

    severity: Severity = "warning"
    max_share: Fraction | Learn = Field(
        0.02, description="Largest share of files whose label may be suspect; or learn."
    )
    check: bool = Field(
        default=True, description="Look for suspect labels; false saves some seconds a run."
    )
    max_images: Positive = Field(
        100_000,
        description="Of a larger set so many images are judged, newcomers before all others.",
    )
    min_accuracy: Fraction = Field(
        0.85,
        description="Cross-validated accuracy below which the quick model that judges labels is"
        " not believed, and nothing is said.",
    )


class ClassSizeRule(Rule):
    """Every class has enough images."""

    min_files: Positive | Learn = Field(
        10, description="Fewest readable images a class may have; or learn."
    )


class ClassBalanceRule(Rule):
    """No class is much larger than another."""

    max_ratio: Annotated[float, Field(ge=1)] | Learn = Field(
        10.0, description="Largest ratio of the largest class to the smallest; or learn."
    )


class ClassSharesRule(Rule):
    """Each class has the share that was declared, or that it had in the last accepted run."""

    severity: Severity = "warning"
    declared: dict[str, Annotated[float, Field(gt=0, le=1)]] | None = Field(
        None,
        description="Share of each class, such as {cat = 0.5, dog = 0.5}; default: those of the"
        " last accepted run.",
    )
    max_psi: Annotated[float, Field(gt=0)] | Learn = Field(
        0.1,
        description="Largest population stability index; a chi-square test must confirm it. Or"
        " learn.",
    )


class DriftRule(Rule):
    """A measure of the images is distributed as in the last accepted run."""

    severity: Severity = "warning"
    max_distance: Annotated[float, Field(gt=0, le=1)] | Learn = Field(
        0.1,
        description="Largest Kolmogorov-Smirnov distance of all images from the last accepted"
        " ones, 0 to 1; or learn.",
    )
    max_distance_of_new: Annotated[float, Field(gt=0, le=1)] = Field(
        0.35, description="The same for the newcomers alone, from 30 of them on."
    )


class VolumeRule(Rule):
    """The data did not shrink since the last accepted run."""

    max_shrink: Fraction | Learn = Field(
        0.2, description="Largest share of the files of the last accepted run that may be gone."
    )


class StalenessRule(Rule):
    """Something new came lately."""

    severity: Severity = "warning"
    max_days: Annotated[float, Field(gt=0)] = Field(
        30.0, description="Days since an accepted run last held an image that was new."
    )


class QuarantineConfig(Part):
    """How many files may be left out before the gate fails after all."""

    max_share: Fraction = Field(0.02, description="Largest share of all files.")
    max_share_per_class: Fraction = Field(0.1, description="Largest share of any class.")


class LearningConfig(Part):
    """How a threshold that says `learn` follows from the last accepted runs."""

    runs: Positive = Field(10, description="How many of the last accepted runs are remembered.")
    min_runs: Positive = Field(3, description="With fewer, the default threshold holds.")
    margin: Annotated[float, Field(ge=0)] = Field(
        0.2, description="How far beyond the most extreme value seen the bound is set, a share."
    )


class GateConfig(Part):
    """The data gate: a rule a field, each with its severity and its threshold."""

    decodes: FileRule = Field(FileRule(), description="Every file decodes to an image.")
    format_matches_extension: FileRule = Field(
        FileRule(severity="warning"), description="Every file is of the format its suffix names."
    )
    single_frame: FileRule = Field(
        FileRule(), description="No file is an animation or has several pages."
    )
    not_blank: BlankRule = BlankRule()
    sizes: SizesRule = SizesRule()
    modes: ModesRule = ModesRule()
    bit_depth: BitDepthRule = BitDepthRule()
    exif_orientation: FileRule = Field(
        FileRule(severity="warning"), description="No EXIF orientation would turn an image."
    )
    labelled: FileRule = Field(FileRule(), description="Every file has a label.")
    label_names: Rule = Field(
        Rule(), description="No two classes differ only by case, blanks or Unicode form."
    )
    conflicting_labels: FileRule = Field(
        FileRule(), description="No image stands under two labels."
    )
    known_classes: KnownClassesRule = KnownClassesRule()
    label_errors: LabelErrorsRule = LabelErrorsRule()
    leakage: FileRule = Field(FileRule(), description="No image stands in two splits.")
    near_leakage: NearLeakageRule = NearLeakageRule()
    exact_duplicates: DuplicatesRule = DuplicatesRule()
    near_duplicates: DuplicatesRule = DuplicatesRule()
    class_size: ClassSizeRule = ClassSizeRule()
    class_balance: ClassBalanceRule = ClassBalanceRule()
    class_shares: ClassSharesRule = ClassSharesRule()
    classes_in_splits: Rule = Field(
        Rule(), description="Every class has images in the train, validation and test splits."
    )
    relabelled: RelabelledRule = RelabelledRule()
    volume: VolumeRule = VolumeRule()
    staleness: StalenessRule = StalenessRule()
    drift_height: DriftRule = DriftRule()
    drift_width: DriftRule = DriftRule()
    drift_brightness: DriftRule = DriftRule()
    drift_contrast: DriftRule = DriftRule()
    drift_sharpness: DriftRule = DriftRule()
    quarantine: QuarantineConfig = QuarantineConfig()
    learning: LearningConfig = LearningConfig()
    suites: list[str] = Field(
        [],
        description="Your own Great Expectations suites on the same inventory: JSON files, or"
        " package.module:function that returns expectations.",
    )

    @classmethod
    def rules(cls) -> list[str]:
        """Return the names of the fields that are rules."""
        return [name for name, field in cls.model_fields.items() if isinstance(field.default, Rule)]

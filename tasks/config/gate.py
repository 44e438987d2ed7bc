"""The data gate's part of the settings: one field per rule, each described by what it demands."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.config.base import Fraction, Part, Positive
from tasks.config.gate_rules import (
    BitDepthRule,
    BlankRule,
    ClassBalanceRule,
    ClassSharesRule,
    ClassSizeRule,
    ClassValuesRule,
    DriftRule,
    DuplicatesRule,
    EmptyClassesRule,
    FileRule,
    KnownClassesRule,
    ModesRule,
    NearLeakageRule,
    PassedOverRule,
    RelabelledRule,
    Rule,
    SiblingsRule,
    SizesRule,
    SplitSharesRule,
    StalenessRule,
    TestSizeRule,
    ValueRangeRule,
    VolumeRule,
)
from tasks.config.suspect_rules import LabelErrorsRule, OutliersRule


class QuarantineConfig(Part):
    """How many files may be left out before the gate fails after all."""

    max_share: Fraction = Field(
        0.02, description="Largest share of all files that may be left out."
    )
    max_share_per_class: Fraction = Field(
        0.1, description="Largest share of the files of any class that may be left out."
    )


class LearningConfig(Part):
    """How a threshold set to `learn` is derived from the last accepted runs."""

    runs: Positive = Field(10, description="How many of the last accepted runs are remembered.")
    min_runs: Positive = Field(3, description="With fewer accepted runs the default is used.")
    margin: Annotated[float, Field(ge=0)] = Field(
        0.2, description="Margin beyond the most extreme value seen, as a share of it."
    )


class GateConfig(Part):
    """The data gate: one field per rule, with its severity and its threshold."""

    decodes: FileRule = Field(FileRule(), description="Every file decodes to an image.")
    unread_classes: Rule = Field(
        Rule(), description="Every class folder with files has an image that can be read."
    )
    empty_classes: EmptyClassesRule = Field(
        EmptyClassesRule(), description="No class folder is empty."
    )
    passed_over: PassedOverRule = Field(
        PassedOverRule(),
        description="Few files in class folders are passed over, as they are no images.",
    )
    # A warning: files are decoded by their content, not by their extension.
    format_matches_extension: FileRule = Field(
        FileRule(severity="warning"), description="Every file has the format its extension names."
    )
    # A warning: most of such an image may be as it was.
    intact: FileRule = Field(
        FileRule(severity="warning"),
        description="No image is damaged and decodes to garbage or gray all the same.",
    )
    single_frame: FileRule = Field(
        FileRule(), description="No file is an animation or has several pages."
    )
    not_blank: BlankRule = Field(BlankRule(), description="No image is blank.")
    sizes: SizesRule = Field(SizesRule(), description="Every image has an allowed size.")
    modes: ModesRule = Field(ModesRule(), description="Every image has an allowed Pillow mode.")
    bit_depth: BitDepthRule = Field(
        BitDepthRule(), description="No image has more bits per channel than the model receives."
    )
    value_range: ValueRangeRule = Field(
        ValueRangeRule(),
        description="No image of more than 8 bits loses nearly all of its levels when it is"
        " scaled.",
    )
    class_values: ClassValuesRule = Field(
        ClassValuesRule(),
        description="The classes of images of more than 8 bits have values of about one range.",
    )
    # A warning: images are rotated before training, as a viewer shows them.
    exif_orientation: FileRule = Field(
        FileRule(severity="warning"), description="No image is rotated by its EXIF orientation."
    )
    labelled: FileRule = Field(FileRule(), description="Every file has a label.")
    label_names: Rule = Field(
        Rule(), description="No two class names differ only by case, whitespace or Unicode form."
    )
    conflicting_labels: FileRule = Field(
        FileRule(), description="No image appears under two labels."
    )
    several_classes: Rule = Field(Rule(), description="There are at least two classes.")
    known_classes: KnownClassesRule = Field(
        KnownClassesRule(),
        description="The classes are the declared ones, or those of the model in production.",
    )
    label_errors: LabelErrorsRule = Field(
        LabelErrorsRule(), description="Few labels contradict what the images show."
    )
    outliers: OutliersRule = Field(
        OutliersRule(), description="Few images show something else than all others."
    )
    leakage: FileRule = Field(FileRule(), description="No image appears in two splits.")
    near_leakage: NearLeakageRule = Field(
        NearLeakageRule(),
        description="Almost no test or validation image is a near-duplicate of one in another"
        " split.",
    )
    sibling_leakage: FileRule = Field(
        FileRule(),
        description="No siblings, declared or by their names, are in two splits that the data"
        " gives.",
    )
    siblings: SiblingsRule = Field(
        SiblingsRule(),
        description="Almost no images are named like siblings that the draw of a split could part.",
    )
    exact_duplicates: DuplicatesRule = Field(
        DuplicatesRule(), description="Few images are copies of another image in their split."
    )
    near_duplicates: DuplicatesRule = Field(
        DuplicatesRule(),
        description="Few images are near-duplicates of another image in their split.",
    )
    class_size: ClassSizeRule = Field(
        ClassSizeRule(), description="Every class has enough images, and enough in each split."
    )
    class_balance: ClassBalanceRule = Field(
        ClassBalanceRule(),
        description="No class is much larger than another, in any split that the data gives.",
    )
    class_shares: ClassSharesRule = Field(
        ClassSharesRule(),
        description="Each class has its declared share, or the share it had in the last accepted"
        " run.",
    )
    classes_in_splits: Rule = Field(
        Rule(), description="Every class has images in the train, validation and test splits."
    )
    split_shares: SplitSharesRule = Field(
        SplitSharesRule(),
        description="Each class has about the same share in the test and validation splits that"
        " the data gives as in training.",
    )
    test_size: TestSizeRule = Field(
        TestSizeRule(), description="The test split is large enough to tell models apart."
    )
    relabelled: RelabelledRule = Field(
        RelabelledRule(),
        description="Few images changed their class since the last accepted run.",
    )
    volume: VolumeRule = Field(
        VolumeRule(), description="The data has not shrunk since the last accepted run."
    )
    staleness: StalenessRule = Field(StalenessRule(), description="New images arrived recently.")
    drift_height: DriftRule = Field(
        DriftRule(), description="Heights are distributed as in the last accepted run."
    )
    drift_width: DriftRule = Field(
        DriftRule(), description="Widths are distributed as in the last accepted run."
    )
    drift_brightness: DriftRule = Field(
        DriftRule(), description="Brightness is distributed as in the last accepted run."
    )
    drift_contrast: DriftRule = Field(
        DriftRule(), description="Contrast is distributed as in the last accepted run."
    )
    drift_sharpness: DriftRule = Field(
        DriftRule(), description="Sharpness is distributed as in the last accepted run."
    )
    drift_embedding: DriftRule = Field(
        DriftRule(max_distance_of_new=0.25),
        description="What images show is distributed as in the last accepted run.",
    )
    quarantine: QuarantineConfig = QuarantineConfig()
    learning: LearningConfig = LearningConfig()
    suites: list[str] = Field(
        [],
        description="Your own Great Expectations suites, run on the same inventory: JSON files, or"
        " package.module:function that returns expectations.",
    )

    @classmethod
    def rules(cls) -> list[str]:
        """Return the names of the fields that are rules."""
        # quarantine, learning and suites apply to all rules.
        return [name for name, field in cls.model_fields.items() if isinstance(field.default, Rule)]

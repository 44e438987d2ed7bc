"""The gate's settings go in; the faults to plant come out, and which rules are not active."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.drill import content_faults, degradations, faults, folder_faults, set_faults
from tasks.drill.faults import Fault, change_all
from tasks.inventory.columns import TRAIN

if TYPE_CHECKING:
    from collections.abc import Collection

    from tasks.config.gate import GateConfig
    from tasks.drill.sample import Sample

PLANTED_BITS = 16
PLANTED_LEVELS = 1
PLANTED_RATIO = 16
# In a smaller sample a change of distribution is not significant.
MIN_TO_COMPARE = 80
# Of a single test image: six answers must differ for a difference to be more than chance.
NOISE_OF_ONE = 6
# In the order of the gate's settings. A rule without a fault fails a test.
FAULTS = (
    Fault("decodes", "a truncated file", faults.truncate_file),
    Fault("decodes", "an empty file", faults.empty_file),
    Fault("decodes", "a decompression bomb", faults.add_bomb),
    Fault("unread_classes", "a class that can't be read", folder_faults.make_class_unread),
    Fault("empty_classes", "an empty class folder", folder_faults.add_empty_class),
    Fault(
        "passed_over",
        "as many other files as images",
        folder_faults.add_unread_files,
        settings={"passed_over": {"max_share": 0.05}},
    ),
    Fault(
        "format_matches_extension", "another format than the extension names", faults.change_format
    ),
    Fault("intact", "a JPEG with zeros in its middle", faults.add_damaged_jpeg),
    Fault("single_frame", "a file of three pages", faults.add_pages),
    Fault("not_blank", "a blank image", faults.blank_image),
    Fault("sizes", "an image of another size, a strip", faults.resize_image),
    Fault("modes", "a CMYK image", faults.add_cmyk),
    Fault("bit_depth", "an image of 16 bits per channel", faults.add_16_bits),
    Fault("value_range", "a dark image among those of 16 bits", faults.add_dark_16_bits),
    Fault("class_values", "a class of 12 bits, another of 16", set_faults.narrow_class),
    Fault("exif_orientation", "an image that EXIF rotates", faults.add_rotated),
    Fault("labelled", "a file outside the class folders", faults.add_stray),
    Fault("label_names", "a class in two spellings", faults.respell_class),
    Fault("conflicting_labels", "an image in two classes", faults.copy_to_other_class),
    Fault("several_classes", "a single class", set_faults.keep_one_class),
    Fault("known_classes", "an undeclared class", faults.move_to_unknown_class),
    Fault("known_classes", "a missing class", faults.remove_class),
    Fault(
        "label_errors",
        "files moved to another class",
        faults.mislabel_files,
        # A sample has too few images for an accurate quick model.
        settings={
            "label_errors": {"max_share": 0.005, "min_accuracy": 0.5, "min_probe_accuracy": 0.5}
        },
    ),
    Fault(
        "outliers",
        "a chart among the images",
        content_faults.add_test_chart,
        # In a sample it takes less to be usual.
        settings={"outliers": {"max_share": 0.0, "far": 3.0}},
        needs_embeddings=True,
    ),
    Fault("leakage", "a training image in test", faults.leak_image),
    Fault("near_leakage", "a near-duplicate in test", faults.leak_near_duplicate),
    Fault(
        "near_leakage",
        "cropped, mirrored copies in test",
        content_faults.leak_cropped_copies,
        settings={"near_leakage": {"max_share": 0.001}},
        min_recall=0.5,
        needs_embeddings=True,
    ),
    Fault("sibling_leakage", "copies augmented from one image, apart", set_faults.part_siblings),
    Fault(
        "siblings",
        "copies augmented from one image",
        set_faults.add_siblings,
        settings={"siblings": {"max_share": 0.0}},
    ),
    Fault("exact_duplicates", "many copies", faults.duplicate_files),
    Fault("near_duplicates", "many near-duplicates", faults.duplicate_brighter, min_recall=0.8),
    Fault("class_size", "a class of three files", set_faults.shrink_class),
    Fault("class_size", "a class with two files to train on", set_faults.hardly_train_class),
    Fault("class_balance", "a class of three files", set_faults.shrink_class),
    Fault("class_shares", "a class of three files", set_faults.shrink_class),
    Fault("classes_in_splits", "a class without test images", set_faults.remove_from_test),
    Fault("split_shares", "classes turned round in test", set_faults.turn_shares_round),
    Fault("test_size", "a single file to test on", set_faults.leave_one_to_test_on),
    Fault("relabelled", "files moved into another class", faults.relabel_third),
    Fault("volume", "two thirds of the files gone", set_faults.remove_two_thirds),
    Fault("drift_height", "larger images", change_all(degradations.enlarge)),
    Fault("drift_width", "larger images", change_all(degradations.enlarge)),
    Fault("drift_brightness", "darker images", change_all(degradations.darken)),
    Fault("drift_contrast", "images of low contrast", change_all(degradations.reduce_contrast)),
    Fault("drift_sharpness", "blurred images", change_all(degradations.blur)),
    Fault(
        "drift_embedding",
        "images on their side",
        change_all(degradations.lay_on_side),
        needs_embeddings=True,
    ),
    Fault(
        "quarantine",
        "more damaged files than may be left out",
        faults.truncate_half,
        settings={"decodes": {"quarantine": True}},
    ),
)


def plan_faults(gate: GateConfig) -> list[Fault]:
    """Return the faults to plant, at least one for each rule."""
    days = gate.staleness.max_days
    stale = Fault(
        "staleness", f"nothing new for {days:g} days", faults.change_nothing, days_later=days + 1
    )
    return [*FAULTS, stale]


def why_not_active(
    fault: Fault, gate: GateConfig, sample: Sample, *, judged: Collection[str], embedded: bool
) -> str | None:
    """Return why a rule can't trip with these settings and this sample; None if it must trip.

    Args:
        fault: that is to be planted.
        gate: the settings of the rules.
        sample: in which it is planted.
        judged: the rules that judged the untouched sample.
        embedded: whether its images were embedded.
    """
    if fault.needs_embeddings and not embedded:
        return "images are not embedded"
    sizes = gate.sizes
    bounds = (sizes.min_side, sizes.max_side, sizes.min_aspect, sizes.max_aspect)
    # The class that a fault shrinks keeps one file in train.
    largest_ratio = float(len(sample.paths(TRAIN, sample.labels[0])))
    reasons = {
        "sizes": sizes.allowed == "any"
        and bounds == (None,) * 4
        and "gate.sizes.allowed is any, without bounds",
        "modes": gate.modes.allowed == "any" and "gate.modes.allowed is any",
        "bit_depth": gate.bit_depth.max_bits >= PLANTED_BITS
        and f"gate.bit_depth.max_bits is {gate.bit_depth.max_bits}",
        "value_range": gate.value_range.min_levels <= PLANTED_LEVELS
        and f"gate.value_range.min_levels is {gate.value_range.min_levels:g}",
        "class_values": gate.class_values.max_ratio >= PLANTED_RATIO
        and f"gate.class_values.max_ratio is {gate.class_values.max_ratio:g}",
        "label_errors": "label_errors" not in judged
        and "too few images or too weak a quick model to judge labels",
        "outliers": "outliers" not in judged and "too few images to know what is usual",
        "class_balance": float(gate.class_balance.max_ratio) >= largest_ratio
        and "gate.class_balance.max_ratio allows more than the"
        f" {largest_ratio:.1f} that a sample can show",
        "test_size": gate.test_size.max_noise >= NOISE_OF_ONE
        and f"gate.test_size.max_noise is {gate.test_size.max_noise:g}",
    }
    is_statistical = fault.rule.startswith(("drift_", "class_shares", "split_shares"))
    if is_statistical and len(sample.files) < MIN_TO_COMPARE:
        return f"{len(sample.files)} files are too few for a significant change"
    return reasons.get(fault.rule) or None

"""The gate's settings go in; the faults to plant, and which rules are not active, come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.drill import degradations, faults
from tasks.drill.faults import Fault, changed

if TYPE_CHECKING:
    from tasks.config.gate import GateConfig
    from tasks.drill.sample import Sample

DEEP = 16
FEWEST_TO_COMPARE = 80
FAULTS = (
    Fault("decodes", "a truncated file", faults.truncated),
    Fault("decodes", "an empty file", faults.empty),
    Fault("decodes", "a decompression bomb", faults.bomb),
    Fault("format_matches_extension", "another format under the suffix", faults.false_suffix),
    Fault("single_frame", "a file of three pages", faults.several_frames),
    Fault("not_blank", "an image of one colour", faults.blank),
    Fault("sizes", "an image of another size", faults.odd_size),
    Fault("modes", "a CMYK image", faults.odd_mode),
    Fault("bit_depth", "an image of 16 bits a channel", faults.deep),
    Fault("exif_orientation", "an image that EXIF turns", faults.turned),
    Fault("labelled", "a file outside the class folders", faults.stray),
    Fault("label_names", "a class in two spellings", faults.two_spellings),
    Fault("conflicting_labels", "an image in two classes", faults.contradiction),
    Fault("known_classes", "a class nobody declared", faults.unknown_class),
    Fault("known_classes", "a class that is missing", faults.missing_class),
    Fault(
        "label_errors",
        "files moved to another class",
        faults.wrong_labels,
        settings={"label_errors": {"max_share": 0.005, "min_accuracy": 0.5}},
        named=0.25,
    ),
    Fault("leakage", "a training image in test", faults.leak),
    Fault("near_leakage", "a near-duplicate in test", faults.near_leak),
    Fault("exact_duplicates", "many copies", faults.many_copies),
    Fault("near_duplicates", "many near-duplicates", faults.many_near_copies, named=0.8),
    Fault("class_size", "a class of three files", faults.tiny_class),
    Fault("class_balance", "a class of three files", faults.tiny_class),
    Fault("class_shares", "a class of three files", faults.tiny_class),
    Fault("classes_in_splits", "a class that is not in test", faults.class_not_tested),
    Fault("relabelled", "files moved into another class", faults.relabelled),
    Fault("volume", "two files of three gone", faults.half_gone),
    Fault("drift_height", "larger images", changed(degradations.larger)),
    Fault("drift_width", "larger images", changed(degradations.larger)),
    Fault("drift_brightness", "darker images", changed(degradations.darker)),
    Fault("drift_contrast", "fainter images", changed(degradations.fainter)),
    Fault("drift_sharpness", "blurred images", changed(degradations.blurred)),
    Fault(
        "quarantine",
        "more broken files than may be left out",
        faults.many_truncated,
        settings={"decodes": {"quarantine": True}},
    ),
)


def plan_faults(gate: GateConfig) -> list[Fault]:
    """Return the faults, at least one for each rule."""
    days = gate.staleness.max_days
    stale = Fault(
        "staleness", f"nothing new for {days:g} days", faults.nothing, days_later=days + 1
    )
    return [*FAULTS, stale]


def why_not_active(
    fault: Fault, gate: GateConfig, sample: Sample, *, labels_judged: bool
) -> str | None:
    """Return why a rule can't trip under these settings and on this sample; None if it must."""
    sizes = gate.sizes
    bounds = (sizes.min_side, sizes.max_side, sizes.min_aspect, sizes.max_aspect)
    most = len(sample.files) // len(sample.labels) / 3
    reasons = {
        "sizes": sizes.allowed == "any"
        and bounds == (None,) * 4
        and "gate.sizes.allowed is any, without bounds",
        "modes": gate.modes.allowed == "any" and "gate.modes.allowed is any",
        "bit_depth": gate.bit_depth.max_bits >= DEEP
        and f"gate.bit_depth.max_bits is {gate.bit_depth.max_bits}",
        "label_errors": not labels_judged
        and "too few images, or too weak a quick model, to judge labels",
        "class_balance": float(gate.class_balance.max_ratio) >= most
        and f"gate.class_balance.max_ratio allows more than the {most:.1f} a sample can show",
    }
    by_chance = fault.rule.startswith(("drift_", "class_shares"))
    if by_chance and len(sample.files) < FEWEST_TO_COMPARE:
        return f"{len(sample.files)} files are too few to tell a change from chance"
    return reasons.get(fault.rule) or None

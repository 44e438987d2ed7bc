"""What to do about each rule that failed, in words."""

from __future__ import annotations

OF_RULE = {
    "decodes": "Mend or remove these files, or set gate.decodes.quarantine = true to train without"
    " them, up to a cap.",
    "format_matches_extension": "Rename these files to match their format, or save them again in"
    " the format they name.",
    "single_frame": "Save one frame of each as an image of its own, or remove these files.",
    "not_blank": "Remove these files, or lower gate.not_blank.min_contrast.",
    "sizes": "Resize or remove these files, or list the sizes you accept in gate.sizes.allowed.",
    "modes": "Convert these files, or list the modes you accept in gate.modes.allowed.",
    "bit_depth": "The upper 8 bits are used. Convert these files, or raise"
    " gate.bit_depth.max_bits.",
    "exif_orientation": "The images are turned before training. Turn the files, or set"
    " gate.exif_orientation.severity = info.",
    "labelled": "Move these files into the folder of their class, or set data.label_pattern.",
    "label_names": "Give these classes one name: move their files into one folder.",
    "conflicting_labels": "Decide for one label and remove the other copy.",
    "known_classes": "Move or remove what does not belong, or change gate.known_classes.classes;"
    " where it is not set, the classes are those of the model in production.",
    "label_errors": "Look at the images in the report and move those that are in a wrong folder,"
    " or raise gate.label_errors.max_share.",
    "leakage": "Remove the copy in one of the splits: no model may be tested on what it learned.",
    "near_leakage": "Remove the image in one of the splits: a model would be tested on what it"
    " learned. gate.near_leakage.max_share allows more.",
    "exact_duplicates": "Remove the copies, or raise gate.exact_duplicates.max_share.",
    "near_duplicates": "Remove what repeats another, or raise gate.near_duplicates.max_share.",
    "class_size": "Add images to these classes or remove them, or lower gate.class_size.min_files.",
    "class_balance": "Add images to the smallest class, or raise gate.class_balance.max_ratio.",
    "class_shares": "Look for a class whose files are missing or came twice, or raise"
    " gate.class_shares.max_psi.",
    "classes_in_splits": "Give every class images in every split, or raise data.test_fraction"
    " and data.validation_fraction.",
    "relabelled": "Move these files back into their class, or raise gate.relabelled.max_share.",
    "volume": "Look for a folder that was not delivered, or raise gate.volume.max_shrink.",
    "staleness": "Look whether new images still arrive, or raise gate.staleness.max_days.",
}
OF_DRIFT = (
    "Look at the newest images: another camera, light or processing? If it is meant,"
    " `pixelgate baseline accept DIR` makes this data the reference; or raise gate.{rule}.{field}."
)
OF_OWN_SUITE = "This is an expectation of your own, from gate.suites."


def remedy_of(rule: str, *, of_newcomers: bool = False) -> str:
    """Return what to do about a rule that failed.

    Args:
        rule: the name of its setting; one of a suite of the user's has no remedy of ours.
        of_newcomers: the expectation looked at newcomers alone.
    """
    if rule.startswith("drift_"):
        field = "max_distance_of_new" if of_newcomers else "max_distance"
        return OF_DRIFT.format(rule=rule, field=field)
    return OF_RULE.get(rule, OF_OWN_SUITE)

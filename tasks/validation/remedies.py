"""What to do about each rule that failed, in words."""

from __future__ import annotations

BY_RULE = {
    "decodes": "Fix or remove these files, or set gate.decodes.quarantine = true to train without"
    " them, up to a cap.",
    "format_matches_extension": "Rename these files to match their format, or save them in the"
    " format that their extension names.",
    "single_frame": "Save one frame of each file as a separate image, or remove these files.",
    "not_blank": "Remove these files, or lower gate.not_blank.min_contrast.",
    "sizes": "Resize or remove these files, set gate.sizes.quarantine = true to train without them,"
    " or list the sizes you accept in gate.sizes.allowed; `pixelgate gate DIR --suggest` writes"
    " settings that fit this data.",
    "modes": "Convert these files, or list the modes you accept in gate.modes.allowed;"
    " `pixelgate gate DIR --suggest` writes settings that fit this data.",
    "bit_depth": "Only the upper 8 bits are used. Convert these files, or raise"
    " gate.bit_depth.max_bits.",
    "exif_orientation": "These images are rotated before training. Rotate the files, or set"
    " gate.exif_orientation.severity = info.",
    "labelled": "Move these files into the folder of their class, or set data.label_pattern.",
    "label_names": "Give each of these classes one name: move their files into one folder.",
    "conflicting_labels": "Decide on one label and remove the other copy.",
    "known_classes": "Move or remove what does not belong, or change gate.known_classes.classes;"
    " if that is not set, the classes are those of the model in production.",
    "label_errors": "Look at the images in the report and move those that are in the wrong folder,"
    " or raise gate.label_errors.max_share.",
    "leakage": "Remove the copy from one of the splits: a model must not be tested on images it was"
    " trained on.",
    "near_leakage": "Remove the image from one of the splits, as the model would be tested on"
    " images it was trained on, or raise gate.near_leakage.max_share.",
    "exact_duplicates": "Remove the copies, or raise gate.exact_duplicates.max_share.",
    "near_duplicates": "Remove the near-duplicates, or raise gate.near_duplicates.max_share.",
    "class_size": "Add images to these classes or remove them, or lower gate.class_size.min_files.",
    "class_balance": "Add images to the smallest class, or raise gate.class_balance.max_ratio.",
    "class_shares": "Look for a class whose files are missing or arrived twice, or raise"
    " gate.class_shares.max_psi.",
    "classes_in_splits": "Give every class images in every split, or raise data.test_fraction"
    " and data.validation_fraction.",
    "relabelled": "Move these files back into their class, or raise gate.relabelled.max_share.",
    "volume": "Look for a folder that was not delivered, or raise gate.volume.max_shrink.",
    "staleness": "Check whether new images still arrive, or raise gate.staleness.max_days.",
}
DRIFT = (
    "Look at the newest images: have the camera, the light or the processing changed? If the change"
    " is intended, `pixelgate baseline accept DIR` makes this data the reference; or raise"
    " gate.{rule}.{field}."
)
USER_SUITE = "This is an expectation of your own, from gate.suites."


def remedy_of(rule: str, *, new_images_only: bool = False) -> str:
    """Return what to do about a rule that failed.

    Args:
        rule: name of its setting, or of a suite of the user's.
        new_images_only: whether the expectation compared new images alone.
    """
    if rule.startswith("drift_"):
        field = "max_distance_of_new" if new_images_only else "max_distance"
        return DRIFT.format(rule=rule, field=field)
    return BY_RULE.get(rule, USER_SUITE)

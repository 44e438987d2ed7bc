"""What to do about each rule that failed, in words."""

from __future__ import annotations

from tasks.validation.split_origin import Origin

BY_RULE = {
    "decodes": "Fix or remove these files, or set gate.decodes.quarantine = true to train without"
    " them, up to a cap.",
    "format_matches_extension": "Rename these files to match their format, or save them in the"
    " format that their extension names.",
    "intact": "Parts of these images are garbage or gray. Look at them, copy them from their source"
    " again, or set gate.intact.quarantine = true to train without them.",
    "single_frame": "Save one frame of each file as a separate image, or remove these files.",
    "not_blank": "Remove these files, or lower gate.not_blank.min_contrast.",
    "sizes": "Resize or remove these files, set gate.sizes.quarantine = true to train without them,"
    " or list the sizes you accept in gate.sizes.allowed.",
    "modes": "Convert these files, or list the modes you accept in gate.modes.allowed.",
    "bit_depth": "A model is fed 8 bits. Set generators.value_range if another range matters, or"
    " raise gate.bit_depth.max_bits to accept what is lost.",
    "value_range": "These images would be nearly black, white or gray. Set generators.value_range ="
    " [low, high] to the range that matters, save all files in one range, set"
    " gate.value_range.quarantine = true to train without these, or lower"
    " gate.value_range.min_levels.",
    "class_values": "A model learns such classes by their range alone. If they were saved in"
    " different ranges, save all in one; if one is darker by its nature, raise"
    " gate.class_values.max_ratio.",
    "exif_orientation": "These images are rotated before training. Rotate the files, or set"
    " gate.exif_orientation.severity = info.",
    "labelled": "Move these files into the folder of their class, name them in data.leave_out, or"
    " set data.label_pattern.",
    "label_names": "Give each of these classes one name: move their files into one folder.",
    "conflicting_labels": "Decide on one label and remove the other copy.",
    "known_classes": "Move or remove what does not belong, or change gate.known_classes.classes;"
    " if that is not set, the classes are those of the model in production.",
    "several_classes": "Add a folder for each class: a classifier needs two or more. If the images"
    " have other labels, name them with data.label_pattern or data.manifest.",
    "label_errors": "Look at the images in the report and move those that are in the wrong folder,"
    " or raise gate.label_errors.max_share.",
    "outliers": "Look at these images in the report and remove those that don't belong to the set,"
    " set gate.outliers.quarantine = true to train without them, or raise gate.outliers.far.",
    "siblings": "Write {setting}, which keeps them in one split: a model must not be tested on"
    " copies of what it was trained on. If they are independent images, write {alone}.",
    "exact_duplicates": "Remove the copies, or raise gate.exact_duplicates.max_share.",
    "near_duplicates": "Remove the near-duplicates, or raise gate.near_duplicates.max_share.",
    "class_shares": "Look for a class whose files are missing or arrived twice, or raise"
    " gate.class_shares.max_psi.",
    "relabelled": "Move these files back into their class, or raise gate.relabelled.max_share.",
    "volume": "Look for a folder that was not delivered, or raise gate.volume.max_shrink.",
    "staleness": "Check whether new images still arrive, or raise gate.staleness.max_days.",
}
# By who has put the images into their splits: what helps with a folder can't help with a draw.
BY_ORIGIN = {
    "leakage": {
        Origin.DRAWN: "Remove the copies from one of the splits, or set another `seed` to draw the"
        " split anew: a model must not be tested on images it was trained on.",
        Origin.FOLDER: "Remove the copies from one of the folders: a model must not be tested on"
        " images it was trained on.",
        Origin.MANIFEST: "Give all copies the same split in {table}, or remove their rows: a"
        " model must not be tested on images it was trained on.",
    },
    "near_leakage": {
        Origin.DRAWN: "Remove these images from one of the splits, or set another `seed` to draw"
        " the split anew, or raise gate.near_leakage.max_share.",
        Origin.FOLDER: "Remove these images from one of the folders, as the model would be tested"
        " on images it was trained on, or raise gate.near_leakage.max_share.",
        Origin.MANIFEST: "Give these images the same split in {table}, as the model would be"
        " tested on images it was trained on, or raise gate.near_leakage.max_share.",
    },
    "sibling_leakage": {
        Origin.DRAWN: "Set another `seed` to draw the split anew.",
        Origin.FOLDER: "Move siblings into one of the folders, or put all images into class folders"
        " and write {setting} to have the splits drawn. If they are independent images, write"
        " {alone}.",
        Origin.MANIFEST: "Give siblings the same split in {table}, or leave the split empty"
        " and name their groups in a column group, to have it drawn. If they are independent"
        " images, write {alone}.",
    },
    "class_size": {
        Origin.DRAWN: "Add images to these classes or remove them, lower gate.class_size.min_files,"
        " or change data.test_fraction where only one split has too few.",
        Origin.FOLDER: "Add images to the folders of these classes{in_split}, or remove the"
        " classes, or lower gate.class_size.{min_files}.",
        Origin.MANIFEST: "Give more images of these classes{the_split} in {table}, or remove"
        " the classes, or lower gate.class_size.{min_files}.",
    },
    "class_balance": {
        Origin.DRAWN: "Add images to the smallest class, or raise gate.class_balance.max_ratio.",
        Origin.FOLDER: "Add images to the folder of the smallest class{in_split}, remove some of"
        " the largest, or raise gate.class_balance.max_ratio.",
        Origin.MANIFEST: "Give more images of the smallest class{the_split} in {table}, or"
        " fewer of the largest, or raise gate.class_balance.max_ratio.",
    },
    "classes_in_splits": {
        Origin.DRAWN: "Add images of these classes, or raise data.test_fraction and"
        " data.validation_fraction.",
        Origin.FOLDER: "Move images of these classes into folders{in_split}, or remove the classes"
        " from the other splits.",
        Origin.MANIFEST: "Give images of these classes{the_split} in {table}, or remove the"
        " classes from it.",
    },
    "split_shares": {
        Origin.FOLDER: "Move images between train{and_split} so that the classes have similar"
        " shares, or remove the folder{of_split} to have it drawn from train, or raise"
        " gate.split_shares.max_psi.",
        Origin.MANIFEST: "Change splits in {table} so that the classes have similar shares, or"
        " leave the split empty to have it drawn, or raise gate.split_shares.max_psi.",
    },
    "test_size": {
        Origin.DRAWN: "Add images, or raise data.test_fraction, or raise gate.test_size.max_noise.",
        Origin.FOLDER: "Add images to the folders in test, or remove the folder test to have it"
        " drawn from train, or raise gate.test_size.max_noise.",
        Origin.MANIFEST: "Give more images the split test in {table}, or none, to have it"
        " drawn, or raise gate.test_size.max_noise.",
    },
}
DRIFT = (
    "Look at the newest images: have the camera, the light or the processing changed? If the change"
    " is intended, `pixelgate baseline accept DIR` makes this data the reference; or raise"
    " gate.{rule}.{field}."
)
# By which every image is a group of its own.
ALONE = "data.group_pattern = '^(?P<group>.+)$'"
USER_SUITE = "This is an expectation of your own, from gate.suites."


def remedy_of(
    rule: str,
    *,
    new_images_only: bool = False,
    origin: Origin = Origin.DRAWN,
    split: str = "",
    group_pattern: str = "",
) -> str:
    """Return what to do about a rule that failed.

    Args:
        rule: name of its setting, or of a suite of the user's.
        new_images_only: whether the expectation compared new images alone.
        origin: who has put the images into their splits.
        split: the one that failed; nothing for all of them together.
        group_pattern: one that keeps the images together which are named like siblings.
    """
    phrases = _phrases(split) | {
        "setting": "data.group_pattern" + (f" = '{group_pattern}'" if group_pattern else ""),
        "alone": ALONE,
        "table": "the manifest" if origin is Origin.MANIFEST else "the table beside the images",
    }
    if rule in BY_ORIGIN:
        remedies = BY_ORIGIN[rule]
        # A table beside the images is changed like a manifest.
        return remedies.get(origin, remedies[Origin.MANIFEST]).format(**phrases)
    if rule.startswith("drift_"):
        field = "max_distance_of_new" if new_images_only else "max_distance"
        return DRIFT.format(rule=rule, field=field)
    if rule == "siblings":
        return BY_RULE[rule].format(**phrases)
    return BY_RULE.get(rule, USER_SUITE)


def _phrases(split: str) -> dict[str, str]:
    """Return what stands for a split in the sentences of `BY_ORIGIN`."""
    phrases = {
        "in_split": f" in {split}",
        "the_split": f" the split {split}",
        "and_split": f" and {split}",
        "of_split": f" {split}",
    }
    fields = {"train": "min_train_files", "test": "min_test_files", "validation": "min_test_files"}
    return {name: phrase if split else "" for name, phrase in phrases.items()} | {
        "min_files": fields.get(split, "min_files")
    }

"""Says in one sentence how a folder was read, and keeps what the gate and the report need of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tasks.inventory.columns import SPLITS, TRAIN
from tasks.inventory.folder_tree import folder_of
from tasks.inventory.image_formats import ARCHIVE, NO_EXTENSION, suffix_of
from tasks.inventory.listing import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.inventory.folder_reading import Reading

CLASSES_SHOWN, SUFFIXES_SHOWN, FOLDERS_SHOWN, REASONS_SHOWN = 12, 4, 4, 4
LAYOUTS = {
    "class": "class folders",
    "split": "class folders",
    "class_split": "class folders",
    "flat": "flat files",
    "manifest": "manifest",
}


def describe_reading(reading: Reading) -> dict[str, Any]:
    """Return the facts about a folder that its inventory carries in `attrs`, as plain values.

    Returns:
        layout, hidden and other (counts of files), sentence, notes, passed_over and in_classes
        (counts by suffix: of all files, and of those in class folders), images_in_classes, reasons
        (by suffix), unread and empty (classes without images), given_splits,
        splits_in_folders (whether folders give them, and no table), and key.
    """
    passed_over = _passed_over(reading)
    in_classes = _in_classes(reading)
    found = reading.distinct
    labels = sorted({printable(label) for _, label in found if label is not None})
    splits = reading.given_splits
    images = len(reading.listing.paths)
    reasons: dict[str, str] = {}
    for path, reason in zip(reading.listing.passed_over, reading.listing.reasons, strict=True):
        reasons.setdefault(_suffix(path), reason)
    return {
        "layout": reading.layout,
        "hidden": reading.listing.hidden,
        "other": sum(passed_over.values()),
        "sentence": "; ".join(
            [
                " layout ".join(
                    [f"{images} image{_s(images)} in {_classes(labels)},", _layout(reading, splits)]
                ),
                *_left_out(reading),
                *_files(passed_over),
            ]
        ),
        "notes": _notes(reading, reasons, in_classes),
        "passed_over": dict(passed_over.most_common()),
        "in_classes": dict(in_classes.most_common()),
        "reasons": reasons,
        "unread": {
            printable(name): _counted(reading.classes.passed_over.get(name, {}))
            for name in sorted(set(reading.classes.unread))
        },
        "empty": sorted(set(map(printable, reading.classes.empty))),
        "given_splits": splits,
        "splits_in_folders": any(split for split, _ in reading.places.values()),
        "key": reading.key,
    }


def _classes(labels: list[str]) -> str:
    more = len(labels) - CLASSES_SHOWN
    names = ", ".join(labels[:CLASSES_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"{len(labels)} class{_s(len(labels), 'es')}" + (f" ({names})" if names else "")


def _layout(reading: Reading, splits: list[str]) -> str:
    if reading.layout == "manifest":
        return f"manifest {reading.source}"
    words = "/".join(splits) or LAYOUTS[reading.layout]
    folders = [name for split in splits for name in reading.splits if reading.splits[name] == split]
    if any(name not in SPLITS for name in folders):
        words += f" (folders {_shown(folders)})"
    if reading.layout == "class_split":
        words += " inside class folders"
    if reading.base:
        words += f" in {reading.base}"
    return words + (f", labels from {reading.source}" if reading.source else "")


def _files(passed_over: Counter[str]) -> list[str]:
    files = sum(passed_over.values())
    return [f"{files} file{_s(files)} passed over ({_counted(passed_over)})"] if files else []


def _left_out(reading: Reading) -> list[str]:
    """Return what was left out; folders of one name in many classes are one thing."""
    groups: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for path, count, why in reading.remarks.left_out:
        groups.setdefault((path.rpartition("/")[2], why), []).append((path, count))
    shown = []
    for (name, why), found in groups.items():
        images = sum(count for _, count in found)
        where = found[0][0] if len(found) == 1 else f"{name} in {len(found)} folders"
        shown.append(f"{where} ({images} image{_s(images)} {why})")
    more = len(shown) - FOLDERS_SHOWN
    rest = f" and {more} more" if more > 0 else ""
    return [f"left out: {', '.join(shown[:FOLDERS_SHOWN])}{rest}"] if shown else []


def _notes(reading: Reading, reasons: dict[str, str], in_classes: Counter[str]) -> list[str]:
    """Return what else should be known, each with the setting that changes it."""
    notes = list(reading.remarks.notes)
    if reading.base:
        notes.append(f"Read from {reading.base}/, the only folder with labelled images.")
    if reading.splits and TRAIN not in reading.splits.values():
        name, split = next(iter(reading.splits.items()))
        notes.append(
            f"Nothing is named as images for training ({_shown(sorted(reading.splits))}). Give the"
            f' folder that holds them too, or write data.split_folders = {{ "{name}" = "train" }}'
            f" to train on what is named as {split}."
        )
    if reading.listing.repeated:
        links = _shown(sorted(reading.listing.repeated))
        notes.append(f"Left out as links to folders that are read anyway: {links}.")
    archives = [
        path
        for path, reason in zip(reading.listing.passed_over, reading.listing.reasons, strict=True)
        if reason == ARCHIVE
    ]
    if archives:
        notes.append(f"Not unpacked, so that what they hold is not read: {_shown(archives)}.")
    if reading.listing.system_folders:
        names = ", ".join(sorted(reading.listing.system_folders))
        notes.append(f"{names} is left out, as an operating system or a program made it.")
    notes += [
        f"Passed over: {count} {suffix}, {reasons[suffix]}."
        for suffix, count in in_classes.most_common(REASONS_SHOWN)
        if reasons[suffix] != ARCHIVE
    ]
    return notes


def _shown(names: Sequence[str]) -> str:
    more = len(names) - FOLDERS_SHOWN
    return ", ".join(names[:FOLDERS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _passed_over(reading: Reading) -> Counter[str]:
    return Counter(
        _suffix(path) for path in reading.listing.passed_over if path not in reading.used
    )


def _in_classes(reading: Reading) -> Counter[str]:
    """Count the files in class folders that are no images, without those that describe an image."""
    listing = reading.listing
    classes = {label for _, label in reading.distinct if label is not None}
    classes |= set(reading.classes.unread)
    folders = {path for path, (_, label) in reading.places.items() if label in classes}
    folders |= {folder_of(path) for path in reading.rows}
    beside = [
        path
        for path in listing.passed_over
        if folder_of(path) in folders and path not in reading.used
    ]
    if not beside:
        return Counter()
    # A text or XML file of the same name holds boxes or captions of the image.
    images = {path.rpartition(".")[0] for path in listing.paths}
    return Counter(_suffix(path) for path in beside if path.rpartition(".")[0] not in images)


def _suffix(path: str) -> str:
    return suffix_of(path) or NO_EXTENSION


def _counted(counts: Counter[str] | dict[str, int]) -> str:
    ordered = Counter(counts).most_common()
    shown = ", ".join(f"{suffix} {count}" for suffix, count in ordered[:SUFFIXES_SHOWN])
    rest = sum(count for _, count in ordered[SUFFIXES_SHOWN:])
    return shown + (f", others {rest}" if rest else "")


def _s(count: int, ending: str = "s") -> str:
    return "" if count == 1 else ending

"""Reads the names of numbered classes, as in classes.txt, labels.txt or names.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tasks.inventory.folder_names import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

NAMES_SUFFIXES = (".txt", ".json", ".csv", ".names", ".tsv")
NAMES_WORDS = frozenset(
    (
        "class", "classes", "classnames", "label", "labels", "labelmap", "name", "names", "map",
        "mapping", "category", "categories", "categ", "indices", "idx", "index", "breeds",
        "species", "targets", "legend", "dictionary", "dict", "lookup", "codes",
    )
)  # fmt: skip
MAX_BYTES = 2**20


def is_names_file(name: str) -> bool:
    """Return whether a file may hold the names of classes, by its own name."""
    stem, _, suffix = name.rpartition(".")
    return f".{suffix.lower()}" in NAMES_SUFFIXES and bool(set(words_of(stem)) & NAMES_WORDS)


def names_for(labels: Iterable[str], files: Iterable[Path]) -> tuple[Path, dict[str, str]] | None:
    """Return the file that names every one of some numbered labels, and the names.

    Args:
        labels: of the images.
        files: that may hold names.

    Returns:
        None where the labels are no numbers, or no file names all of them.
    """
    numbers = {label: _number(label) for label in labels}
    if not numbers or None in numbers.values():
        return None
    wanted = {label: str(number) for label, number in numbers.items()}
    for file in files:
        names = _read_names(file, set(wanted.values()))
        # As many names as numbers at least, or two classes would become one.
        if set(wanted.values()) <= names.keys() and len(set(names.values())) == len(names):
            return file, {label: names[number] for label, number in wanted.items()}
    return None


def _number(label: str) -> int | None:
    try:
        number = float(label)
    except ValueError:
        return None
    return int(number) if number == int(number) else None


def _read_names(file: Path, wanted: set[str]) -> Mapping[str, str]:
    try:
        if file.stat().st_size > MAX_BYTES:
            return {}
        text = file.read_text("utf-8-sig")
        if file.suffix.lower() == ".json":
            return _from_json(json.loads(text), wanted)
    except (OSError, ValueError, RecursionError):
        return {}
    return _from_lines([line.strip() for line in text.splitlines() if line.strip()], wanted)


def _from_json(content: Any, wanted: set[str]) -> Mapping[str, str]:
    if isinstance(content, list):
        if all(isinstance(row, dict) and {"id", "name"} <= row.keys() for row in content):
            return {str(row["id"]): str(row["name"]) for row in content}
        return _numbered([str(name) for name in content], wanted)
    if not isinstance(content, dict):
        return {}
    if all(isinstance(value, (str, int)) for value in content.values()):
        pairs = [(str(key), str(value)) for key, value in content.items()]
        if wanted <= {value for _, value in pairs} and not wanted <= {key for key, _ in pairs}:
            pairs = [(value, key) for key, value in pairs]
        return dict(pairs)
    # One level down, as in {"names": ["cat", "dog"]}.
    found = [_from_json(value, wanted) for value in content.values() if value]
    return next((names for names in found if wanted <= names.keys()), {})


def _from_lines(lines: Sequence[str], wanted: set[str]) -> Mapping[str, str]:
    """Read `name`, `0 name`, `name 0`, or the same with commas, tabs, colons or an equals sign."""
    for separator in (",", "\t", ":", "=", ";", None):
        rows = [line.split(separator, 1) for line in lines]
        pairs = [(row[0].strip(), row[1].strip()) for row in rows if len(row) > 1]
        for ordered in (pairs, [(name, number) for number, name in pairs]):
            names = {number: name.strip("\"'") for number, name in ordered if number.isdecimal()}
            if len(names) >= len(lines) - 1 and wanted <= names.keys():
                return names
    return _numbered(lines, wanted)


def _numbered(names: Sequence[str], wanted: set[str]) -> Mapping[str, str]:
    """Number names from 0, or from 1 where the labels are exactly 1 to their count."""
    numbers = {int(number) for number in wanted}
    first = 1 if 0 not in numbers and max(numbers) == len(names) else 0
    return {str(number): name for number, name in enumerate(names, first)}

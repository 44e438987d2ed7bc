"""Says which folders were seen where splits and classes can't be told apart, and what to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.errors import DataFolderError
from tasks.inventory.columns import TEST, TRAIN
from tasks.inventory.folder_names import splits_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tasks.inventory.folder_tree import Folder

SHOWN = 4


def refuse_unclear_splits(children: Mapping[str, Folder]) -> None:
    """Refuse folders that are all named as splits and as something else: trainA, testB."""
    mentioned = {name: splits_in(name) for name in children}
    distinct = {split for splits in mentioned.values() for split in splits}
    if all(mentioned.values()) and len(distinct) > 1:
        splits = {name: next(iter(sorted(splits))) for name, splits in mentioned.items()}
        raise DataFolderError(
            f"{listed(children)} are named as splits and as something else, so that splits and"
            f" classes can't be told apart. Write data.split_folders = {_toml(splits)}, or"
            ' data.layout = "class" if they are the classes.'
        )


def unclear_neighbours(
    splits: Mapping[str, str], others: Sequence[str], children: Mapping[str, Folder]
) -> str:
    """Return what to do about folders beside those of splits."""
    named = others if len(others) <= SHOWN else others[:1]
    given = {**splits, **dict.fromkeys(named, TEST if TRAIN in splits.values() else TRAIN)}
    names = ", ".join(f'"{name}"' for name in named)
    return (
        f"{listed(splits)} {'is' if len(splits) == 1 else 'are'} named as"
        f" {'a split' if len(splits) == 1 else 'splits'}, but {listed(others)} beside"
        f" {'it' if len(splits) == 1 else 'them'} {'is' if len(others) == 1 else 'are'} not"
        f" ({_contents(children[others[0]])}). Write data.split_folders = {_toml(given)} with the"
        f" split of each, data.leave_out = [{names}] to leave folders out, or"
        ' data.layout = "class" if all of these are classes.'
    )


def _contents(folder: Folder) -> str:
    if folder.populated:
        return f"{folder.name}/ holds the folders {listed(folder.populated)}"
    return f"{folder.name}/ holds {folder.total} images and no folders"


def listed(folders: Iterable[str]) -> str:
    """Return folders as a list in words: `a/, b/ and c/`."""
    shown = [f"{name}/" for name in folders]
    if len(shown) > SHOWN:
        return f"{', '.join(shown[:SHOWN])} and {len(shown) - SHOWN} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def is_or_are(things: Collection[str]) -> str:
    """Return the verb that agrees with so many things."""
    return "is" if len(things) == 1 else "are"


def _toml(splits: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f'"{name}" = "{split}"' for name, split in splits.items()) + " }"

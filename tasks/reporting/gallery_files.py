"""A gallery goes in; its thumbnails as files in the run's folder, and a list of them, come out."""

from __future__ import annotations

import base64
import shutil
from typing import TYPE_CHECKING, Any

from tasks.runs.run_folder import GALLERY, THUMBNAILS
from tasks.storage.atomic import atomic_folder, write_json
from tasks.storage.hashing import digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NAME_LENGTH = 16


def leave_gallery(
    directory: Path,
    sections: Sequence[Mapping[str, Any]],
    flips: Mapping[str, Sequence[Mapping[str, Any]]],
) -> None:
    """Write gallery.json and thumbnails/, which the desk shows; nothing if there is no image.

    They are the images as the run saw them: the data folder may have changed since.

    Args:
        directory: folder of the run.
        sections: as `gallery.build_gallery` returned them.
        flips: items of path, value and url by kind: newly_wrong and newly_right.
    """
    if not sections and not any(flips.values()):
        return
    groups = [*(section["items"] for section in sections), *flips.values()]
    # A report can be written again.
    shutil.rmtree(directory / THUMBNAILS, ignore_errors=True)
    with atomic_folder(directory / THUMBNAILS) as folder:
        for item in (item for items in groups for item in items if item["url"]):
            (folder / _file_name(item)).write_bytes(_png(item["url"]))
    write_json(
        directory / GALLERY,
        {
            "sections": [{**each, "items": _listed(each["items"])} for each in sections],
            **{kind: _listed(items) for kind, items in flips.items()},
        },
    )


def _listed(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "path": item["path"],
            "value": None if item["value"] is None else str(item["value"]),
            "thumbnail": f"{THUMBNAILS}/{_file_name(item)}" if item["url"] else None,
        }
        for item in items
    ]


def _file_name(item: Mapping[str, Any]) -> str:
    # Not the image's own name, which may hold what a URL or another system can't.
    return f"{digest([item['path']])[:NAME_LENGTH]}.png"


def _png(url: str) -> bytes:
    return base64.b64decode(url.partition(",")[2])

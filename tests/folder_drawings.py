"""Folders as they are drawn in docs/gate.md, made on the disk, and what is said of them there."""

from __future__ import annotations

import io
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from tests.image_trees import draw_image

PAGE = Path(__file__).parents[1] / "docs/gate.md"
SECTION = "## How a folder is read\n"
# Of a line: the branches before the name, the name, and what the folder or file holds.
LINE = re.compile(r"(?P<branches>[│├└─ \u00a0]*)(?P<name>.+?)(?: {2,}(?P<holds>.+))?$")
COUNT = re.compile(r"(\d+) (images?|\.\w+|files without extension)")
FROM_TO = re.compile(r"(?P<first>\S.*?) to (?P<last>\S.*)")
NUMBER = re.compile(r"\d+(?=\D*$)")


@dataclass
class Drawing:
    """A folder that the page draws.

    Attributes:
        title: the line above the drawing.
        tree: its lines.
        settings: of the data, in the line above.
        said: the sentence and the notes, or the error.
    """

    title: str
    tree: list[str]
    settings: dict[str, object] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


def drawings() -> list[Drawing]:
    """Return the folders that the page draws."""
    section = PAGE.read_text("utf-8").split(SECTION)[1].split("\n## ")[0]
    found = []
    for title, tree, said in re.findall(
        r"^(\S[^\n]*)\n\n```text\n(.+?)```\n\n((?:^>[^\n]*\n)+)", section, re.MULTILINE | re.DOTALL
    ):
        lines = [line.removeprefix(">").strip() for line in said.splitlines()]
        settings: dict[str, object] = {}
        for setting in re.findall(r"`data\.(\w+ = [^`]+)`", title):
            settings |= tomllib.loads(setting)
        found.append(Drawing(title, tree.splitlines(), settings, [x for x in lines if x]))
    return found


def plant(tree: list[str], parent: Path) -> Path:
    """Make a folder as it is drawn, with real images, and return it."""
    image = io.BytesIO()
    draw_image(0, 0, size=(8, 8), mode="L").save(image, "PNG")
    path: list[str] = []
    for line in tree:
        match = LINE.match(line)
        assert match is not None
        depth = len(match["branches"]) // 4
        path[depth:] = [match["name"].rstrip("/")]
        _plant_line(parent.joinpath(*path), match["holds"], image.getvalue())
    return parent / path[0]


def _plant_line(place: Path, holds: str | None, image: bytes) -> None:
    if holds is not None and not COUNT.search(holds) and holds != "empty":
        place.write_text(holds.replace("; ", "\n") + "\n")
        return
    if (several := FROM_TO.fullmatch(place.name)) is not None:
        first, last = several["first"], several["last"]
        numbers = [int(NUMBER.findall(name)[0]) for name in (first, last)]
        for number in range(numbers[0], numbers[1] + 1):
            place.with_name(NUMBER.sub(str(number), first)).write_bytes(image)
        return
    if place.suffix == ".png":
        place.write_bytes(image)
        return
    place.mkdir(parents=True, exist_ok=True)
    for count, kind in COUNT.findall(holds or ""):
        for number in range(int(count)):
            if kind.startswith("image"):
                (place / f"{number}.png").write_bytes(image)
            elif kind.startswith("."):
                (place / f"other{number}{kind}").write_bytes(b"\0\1\2\3")
            else:
                (place / f"IMG_{number}").write_bytes(image)

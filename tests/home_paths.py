"""Where under a home its own absolute path stands, whatever the format of the file."""

from __future__ import annotations

import sqlite3
import zipfile
from contextlib import closing
from typing import TYPE_CHECKING

import pyarrow.parquet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def files_that_name(home: Path) -> list[str]:
    """Return the files under a home that hold its absolute path, and links."""
    found = []
    for file in sorted(home.rglob("*")):
        if file.is_symlink():
            found.append(f"{file.relative_to(home)} -> {file.readlink()}")
        elif file.is_file() and any(str(home) in text for text in _texts(file)):
            found.append(str(file.relative_to(home)))
    return found


def _texts(file: Path) -> Iterator[str]:
    """Yield a file's bytes as text, and what compression or pages of a database hide."""
    yield file.read_bytes().decode("utf-8", errors="replace")
    if file.suffix == ".parquet":
        table = pyarrow.parquet.read_table(file)
        yield str(table.schema.metadata)
        yield str(table.to_pydict())
    elif file.suffix in {".db", ".sqlite3"}:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as opened:
            names = "SELECT name FROM sqlite_master WHERE type = 'table'"
            for (table,) in opened.execute(names).fetchall():
                rows = opened.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - a name it gave
                yield str(rows.fetchall())
    elif zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                yield archive.read(name).decode("utf-8", errors="replace")

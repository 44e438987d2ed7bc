"""The bytes of stdin go in; the paths that are listed there come out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tasks.errors import UsageError
from tasks.inventory.image_formats import HEADER_BYTES, signature_of

if TYPE_CHECKING:
    from collections.abc import Sequence

# What stands for the list on stdin among the paths of a command.
STDIN = Path("-")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def with_listed(paths: Sequence[Path], stdin: BinaryIO | None) -> list[Path]:
    """Return paths, with `-` replaced by the paths on stdin; a file of that name is `./-`.

    Args:
        paths: as they were given.
        stdin: lines, each a path as `ls` prints it, or as `find -print0` does, ended by NUL; read
            only if it is asked for. None if the process has no stdin.

    Raises:
        UsageError: stdin is closed, holds an image instead of paths, or `-` is given twice.
    """
    if STDIN not in paths:
        return list(paths)
    if paths.count(STDIN) > 1:
        raise UsageError("- stands for the list on stdin, and can be given only once.")
    if stdin is None:
        raise UsageError("stdin is closed: no list of paths can be read from it.")
    listed = _split(stdin.read())
    at = paths.index(STDIN)
    return [*paths[:at], *listed, *paths[at + 1 :]]


def _split(content: bytes) -> list[Path]:
    kind = signature_of(content[:HEADER_BYTES])
    # PPM's is a letter and a digit, which paths begin with too.
    if kind not in (None, "PPM"):
        raise UsageError(
            f"stdin holds a file ({kind}), not a list of paths. Give the file's path instead, or"
            " write paths to stdin, one per line."
        )
    content = content.removeprefix(BYTE_ORDER_MARK)
    # A name may hold a line break, which is what -print0 is for.
    lines = content.split(b"\0") if b"\0" in content else _lines(content)
    return [Path(os.fsdecode(line)) for line in lines if line.strip()]


def _lines(content: bytes) -> list[bytes]:
    # Not `splitlines`, which takes more for a line break than a file system does.
    return [line.removesuffix(b"\r") for line in content.split(b"\n")]

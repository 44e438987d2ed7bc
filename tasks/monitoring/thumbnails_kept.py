"""Images of a run go in; small versions come out, which are drawn once and kept by content."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.monitoring.thumbnail_drawing import CHANGED, GONE, draw_small
from tasks.runtime.isolation import Isolation
from tasks.storage.atomic import atomic_write
from tasks.storage.hashing import file_digest

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.monitoring.data_folder import DataFolder
    from tasks.monitoring.image_pages import ShownImage

THUMBNAIL, LARGE = 240, 1_600
MOST_BYTES = 512 * 2**20
# After a clean-up so much is left, as to look through all files for each new one would be slow.
SHARE_LEFT = 0.8
DIGEST = hashlib.sha256().digest_size
HASHES_KEPT = 20_000
# To note each use of a file would cost a write for each image of a page.
USED_AGAIN_SECONDS = 3_600.0


@dataclass(frozen=True)
class Drawn:
    """A small version of an image.

    Attributes:
        webp: the file; empty if there is none.
        problem: why there is none.
    """

    webp: bytes
    problem: str = ""


class Thumbnails:
    """Small versions of images, kept in a folder of limited size.

    Args:
        folder: where they are kept.
        most_bytes: size of the folder; the files that were not used for longest are removed.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder, self._most = folder, most_bytes
        self._held: int | None = None
        self._hashes: dict[tuple[Path, int, int], str] = {}
        # One image at a time is drawn, by one process that is kept for the next.
        self._drawing = threading.Lock()

    def of(self, image: ShownImage, data: DataFolder, side: int) -> Drawn:
        """Return an image in small, as the run has seen it.

        Args:
            image: of a run.
            data: the folder that the run has read.
            side: the longest side, pixels.
        """
        if image.error is not None:
            return Drawn(b"", image.error)
        file = data.file_of(image.path)
        problem = self.difference(image, file)
        if problem or file is None or image.sha256 is None:
            return Drawn(b"", problem or "its content is unknown")
        kept = self._folder / image.sha256[:2] / f"{image.sha256}.{side}"
        return self._read(kept) or self._draw(image, data, side, kept)

    def difference(self, image: ShownImage, file: Path | None) -> str:
        """Return how a file differs from what the run has seen; empty if it doesn't."""
        try:
            status = file.stat() if file is not None else None
        except (OSError, ValueError):
            status = None
        if file is None or status is None:
            return GONE
        if status.st_size != image.bytes:
            return CHANGED
        if status.st_mtime_ns == image.mtime_ns:
            return ""
        # A copy of the folder has other times, but the same content.
        key = (file, status.st_size, status.st_mtime_ns)
        if key not in self._hashes:
            if len(self._hashes) >= HASHES_KEPT:
                self._hashes.clear()
            try:
                self._hashes[key] = file_digest(file) if file.is_file() else ""
            except OSError as error:
                return f"the file can't be read: {error.strerror}"
        return "" if self._hashes[key] == image.sha256 else CHANGED

    def _read(self, kept: Path) -> Drawn | None:
        """Return what was kept; None if there is nothing, or if it is not what was written."""
        try:
            content = kept.read_bytes()
            if time.time() - kept.stat().st_mtime > USED_AGAIN_SECONDS:
                os.utime(kept)
        except OSError:
            return None
        digest, webp = content[:DIGEST], content[DIGEST:]
        return Drawn(webp) if hashlib.sha256(webp).digest() == digest else None

    def _draw(self, image: ShownImage, data: DataFolder, side: int, kept: Path) -> Drawn:
        files = [(image.path, image.bytes, image.sha256)]
        with self._drawing:
            again = self._read(kept)
            if again is not None:
                return again
            # Not in this process, which a crash of a decoder would end.
            with Isolation(draw_small, _crashed) as isolation:
                drawn, _ = isolation.run((str(data.root), files, side, data.max_pixels))
            webp, problem = drawn[0][0]
            if webp:
                self._keep(kept, webp)
        return Drawn(webp, problem)

    def _keep(self, kept: Path, webp: bytes) -> None:
        try:
            with atomic_write(kept) as temporary:
                temporary.write_bytes(hashlib.sha256(webp).digest() + webp)
        except OSError:
            # A full disk costs time, not the page.
            return
        if self._held is None:
            self._held = sum(size for _, size, _ in self._files())
        else:
            self._held += DIGEST + len(webp)
        if self._held > self._most:
            self._held = self._clean_up()

    def _clean_up(self) -> int:
        """Remove the files that were not used for longest; return the size of those left."""
        files = sorted(self._files())
        held = sum(size for _, size, _ in files)
        for _, size, file in files:
            if held <= SHARE_LEFT * self._most:
                break
            file.unlink(missing_ok=True)
            held -= size
        return held

    def _files(self) -> list[tuple[float, int, Path]]:
        """Return when each file was last used, and its size."""
        found = []
        for file in self._folder.glob("*/[!.]*"):
            try:
                status = file.stat()
            except OSError:
                continue  # another desk has removed it
            found.append((status.st_mtime, status.st_size, file))
        return found


def _crashed(_file: object, signal: str) -> list[tuple[bytes, str]]:
    return [(b"", f"its decoder crashed ({signal})")]

"""A run goes in; the folder whose images it has read comes out, as config.json names it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tasks.config.data import DataConfig, data_root
from tasks.errors import DataFolderError, PixelgateError
from tasks.runs.run_folder import CONFIG
from tasks.storage.atomic import read_json

if TYPE_CHECKING:
    from tasks.storage.home import Home

NAMES = ("directory", "manifest")


@dataclass(frozen=True)
class DataFolder:
    """The folder that the paths of a run are relative to.

    Attributes:
        root: None if it can't be found.
        max_pixels: an image with more is not decoded.
        problem: why it can't be found; empty if it can.
    """

    root: Path | None
    max_pixels: int
    problem: str = ""

    def file_of(self, path: str) -> Path | None:
        """Return the file of a path of the inventory; None where it would not be below the root.

        Links below the root are followed, as the run did; what they lead to is shown only if it is
        the content that the run has seen.
        """
        parts = PurePosixPath(path)
        if self.root is None or parts.is_absolute() or ".." in parts.parts or "\0" in path:
            return None
        return self.root / parts


def data_folder_of(home: Home, run: Path) -> DataFolder:
    """Return the data folder of a run.

    Args:
        home: of the run.
        run: its folder.
    """
    limit = int(DataConfig.model_fields["max_pixels"].default)
    try:
        settings = read_json(run / CONFIG, home.shown_json).get("data") or {}
        # Only these: the settings of an older version may have others.
        data = DataConfig.model_validate({name: settings.get(name) for name in NAMES})
        limit = int(settings.get("max_pixels") or limit)
        return DataFolder(data_root(data), limit)
    except DataFolderError as error:
        return DataFolder(None, limit, str(error))
    except (PixelgateError, OSError, ValueError, AttributeError, TypeError) as error:
        return DataFolder(None, limit, f"The settings of the run can't be read: {error}")

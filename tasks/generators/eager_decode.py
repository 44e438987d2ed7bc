"""Images the inventory has open go in; they are decoded for the model in the same breath.

To check a file it is decoded as a whole; reading and decoding it once more for training would take
as long again. What the model will be fed is told from the settings or guessed from a sample; a
wrong guess costs nothing but the work of it. Seconds of importing TensorFlow, which images that
are decoded for a model will need, pass meanwhile too.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import os
import threading
import uuid
import warnings
from typing import TYPE_CHECKING, Self

import pandas as pd

from tasks.generators.decode_cache import EAGER
from tasks.generators.decoded_array import ChunkWriter, DecodedArray
from tasks.generators.inputs import choose_decoding
from tasks.inventory.columns import HEIGHT, WIDTH
from tasks.inventory.image_file import describe_image, open_image, read_regular_file
from tasks.runtime.parallel import FILES_WORTH_A_POOL
from tasks.storage.atomic import atomic_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from tasks.config.schema import RetrainConfig
    from tasks.generators.decoding import Decoding

SAMPLE = 32
# Of a set in which every image has a size of its own a sample tells nothing.
SHARE_OF_ONE_SIZE = 0.5

log = logging.getLogger("pixelgate.generators")


class EagerDecoder:
    """Where the inventory of a run leaves decoded images; `cache.decode_once` finds them there.

    A context: at its end what was decoded appears as a whole, or not at all.
    """

    def __init__(self, config: RetrainConfig) -> None:
        """Take what the model is fed from `config` as far as it is set."""
        self._config = config
        self._unfinished = contextlib.ExitStack()
        self._importing: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin; nothing is made before `begin` is called."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the array in its place, or remove it after an error."""
        if self._importing:
            self._importing.join()
        self._unfinished.__exit__(kind, error, trace)

    def begin(self, root: Path, paths: list[str]) -> Callable[[int], ChunkWriter] | None:
        """Make room for the images of files that are about to be read.

        Args:
            root: folder the paths are relative to.
            paths: relative POSIX paths.

        Returns:
            A function from a chunk's first row to its keeper; None where there is no telling what
            the model will be fed, or no room for it.
        """
        if len(paths) >= FILES_WORTH_A_POOL:
            self._importing = threading.Thread(target=_import_keras, daemon=True)
            self._importing.start()
        decoding = self._guess(root, paths)
        if decoding is None:
            return None
        name = f"{decoding.name}-{EAGER}-{uuid.uuid4().hex[:8]}"
        folder = self._config.paths.decoded / name
        try:
            with contextlib.ExitStack() as making:
                array = DecodedArray(making.enter_context(atomic_folder(folder)))
                array.reserve((len(paths), *decoding.shape))
                self._unfinished = making.pop_all()
        except OSError as error:
            log.info("images are not decoded ahead: %s", error)
            return None
        return functools.partial(ChunkWriter, array, decoding)

    def _guess(self, root: Path, paths: list[str]) -> Decoding | None:
        settings = self._config.generators
        sample = _sample(root, paths[:: max(1, len(paths) // SAMPLE)], self._config.data.max_pixels)
        if sample.empty:
            return None
        alike = sample.value_counts([HEIGHT, WIDTH]).iloc[0] / len(sample)
        if settings.target_size is None and alike < SHARE_OF_ONE_SIZE:
            return None
        return choose_decoding(sample, settings)


def _import_keras() -> None:
    # Whoever needs it will be told what is wrong with it.
    with contextlib.suppress(Exception):
        importlib.import_module("keras")


def _sample(root: Path, paths: list[str], max_pixels: int) -> pd.DataFrame:
    """Describe some files; those that can't be read are for the inventory to tell."""
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in paths:
            try:
                data = read_regular_file(f"{root}{os.sep}{path}", {})
                with open_image(data, max_pixels=max_pixels) as image:
                    rows.append(describe_image(image))
            except Exception:  # noqa: BLE001, S112 - decoders raise anything on damaged bytes
                continue
    return pd.DataFrame(rows)

"""Decodes images for the model while the inventory has them open.

The inventory decodes every file to check it; to read and decode it once more for training would
take as long again. What the model will be fed is set, or guessed from a sample of the images; a
wrong guess costs only the work done for it. TensorFlow is imported in the meantime, which takes
seconds and is needed right after.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import itertools
import logging
import threading
import uuid
from typing import TYPE_CHECKING, Self

import pandas as pd

from tasks.generators.decode_cache import EAGER
from tasks.generators.decoded_array import ChunkWriter, DecodedArray
from tasks.generators.input_contract import decoding_for
from tasks.inventory.file_sample import describe_files
from tasks.inventory.input_choice import choose_input
from tasks.runtime.collector import collector_paused
from tasks.runtime.parallel import FILES_WORTH_A_POOL, map_chunks
from tasks.storage.atomic import atomic_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from tasks.config.data import DataConfig
    from tasks.config.generators import GeneratorConfig
    from tasks.generators.decoding import Decoding
    from tasks.storage.home import Home

SAMPLE = 32

log = logging.getLogger("pixelgate.generators")


class EagerDecoder:
    """Receives the images of an inventory; `decode_cache.decode_once` finds them decoded.

    A context manager: at its end all that was decoded appears at once, or not at all.

    Args:
        settings: what the model is fed, as far as it is set.
        data: the limit of pixels for the images of the sample, and the number of processes.
        home: holds the decode cache.
        model: its name, by which the size of its input is chosen; by default the one that suits
            the images.
    """

    def __init__(
        self, settings: GeneratorConfig, data: DataConfig, home: Home, *, model: str | None = None
    ) -> None:
        self._settings, self._max_pixels, self._folder = settings, data.max_pixels, home.decoded
        self._workers = data.workers
        self._model = model
        self._unfinished = contextlib.ExitStack()
        self._importing: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Return the decoder; nothing is created before `begin` is called."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Rename the array to its final name, or remove it after an error."""
        if self._importing:
            self._importing.join()
        self._unfinished.__exit__(kind, error, trace)

    def begin(self, root: Path, paths: list[str]) -> Callable[[int], ChunkWriter] | None:
        """Reserve an array for the images of files that are about to be read.

        Args:
            root: folder the paths are relative to.
            paths: relative POSIX paths.

        Returns:
            A function from a chunk's first row to its writer; None where what the model will be
            fed can't be predicted, or there is no room for it.
        """
        # An inventory of few files ends before the import does, and would have to wait for it.
        if len(paths) >= FILES_WORTH_A_POOL:
            self._importing = threading.Thread(target=_import_keras, daemon=True)
            self._importing.start()
        decoding = self._guess(root, paths)
        if decoding is None:
            return None
        name = f"{decoding.name}-{EAGER}-{uuid.uuid4().hex[:8]}"
        folder = self._folder / name
        try:
            with contextlib.ExitStack() as making:
                array = DecodedArray(making.enter_context(atomic_folder(folder, sealed=True)))
                array.reserve((len(paths), *decoding.shape))
                self._unfinished = making.pop_all()
        except OSError as error:
            log.info("images are not decoded during the inventory: %s", error)
            return None
        return functools.partial(ChunkWriter, array, decoding)

    def _guess(self, root: Path, paths: list[str]) -> Decoding | None:
        """Return what the settings and a sample of the files suggest, or None."""
        chosen = paths[:: max(1, len(paths) // SAMPLE)]
        # Not in this process, which a file that crashes its decoder would end. As many workers as
        # for all files: those that read the sample read the rest.
        rows = map_chunks(
            describe_files,
            [(str(root), chosen, self._max_pixels)],
            total=len(paths),
            workers=self._workers,
            lost=lambda _, __: [],
        )
        sample = pd.DataFrame(itertools.chain.from_iterable(rows))
        if sample.empty:
            return None
        choice = choose_input(sample, self._settings, model=self._model)
        return decoding_for(choice)


def _import_keras() -> None:
    # If it fails, it fails again, with a message, where it is needed.
    with contextlib.suppress(Exception), collector_paused():
        importlib.import_module("keras")

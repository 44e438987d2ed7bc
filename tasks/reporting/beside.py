"""Draws the previews of a run beside something else, which this process only waits for."""

from __future__ import annotations

import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tasks.runtime.collector import collector_paused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from tasks.generators.inputs import Inputs


log = logging.getLogger("pixelgate")


@contextlib.contextmanager
def previews_drawn_beside(
    inputs: Inputs, inventory: pd.DataFrame, seed: int, folder: Path
) -> Iterator[None]:
    """Draw the previews in a thread, which has ended when the block has.

    The arguments are those of `previews.draw_previews`. The import of TensorFlow, which takes
    seconds, is the thread's too. Pictures that can't be drawn are a warning: a training is not
    lost for them, and the report omits what is missing.
    """

    def draw() -> None:
        try:
            with collector_paused():
                from tasks.reporting.previews import draw_previews

            draw_previews(inputs, inventory, seed=seed, folder=folder)
        except Exception as error:  # noqa: BLE001 - as above
            log.warning("the previews could not be drawn: %s: %s", type(error).__name__, error)

    with ThreadPoolExecutor(1, "previews") as thread:
        thread.submit(draw)
        yield

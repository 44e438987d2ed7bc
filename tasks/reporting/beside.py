"""Draws the previews of a run beside something else, which this process only waits for."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tasks.runtime.collector import collector_paused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from tasks.generators.inputs import Inputs


@contextlib.contextmanager
def previews_drawn_beside(
    inputs: Inputs, inventory: pd.DataFrame, seed: int, folder: Path
) -> Iterator[None]:
    """Draw the previews in a thread; they are there when the block has ended.

    The arguments are those of `previews.draw_previews`. The import of TensorFlow, which takes
    seconds, is the thread's too.
    """

    def draw() -> None:
        with collector_paused():
            from tasks.reporting.previews import draw_previews

        draw_previews(inputs, inventory, seed=seed, folder=folder)

    with ThreadPoolExecutor(1, "previews") as thread:
        drawn = thread.submit(draw)
        yield
    drawn.result()

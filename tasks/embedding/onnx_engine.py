"""An ONNX model of a network goes in; a function from images to features comes out."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.embedding.lite_onnx import FEATURES, IMAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    Engine = Callable[[np.ndarray], np.ndarray]

# Images in one call. One alone keeps its maps in the cache of a core, which is as fast as any
# (benchmarks/results/photos.md), and has the same bits whatever images come with it.
BATCH = 1


def open_on_one_core(model: bytes) -> Engine:
    """Open a network on one core: as many processes can compute side by side as there are cores.

    Args:
        model: as `lite_onnx.to_onnx` returns it.

    Returns:
        A function from (images, height, width, 3) uint8 to (images, 1280) float32.
    """
    session = _open_session(model)
    return lambda images: np.concatenate(
        [_run(session, images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
    )


def open_on_all_cores(model: bytes) -> Engine:
    """Open the same on all cores of this process; features have the same bits by either."""
    # One session a core scales better than one session on all cores, and gives the same bits
    # whatever the number of cores.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    sessions = [_open_session(model) for _ in range(cores or 1)]

    def compute(images: np.ndarray) -> np.ndarray:
        idle = list(sessions)

        def part(start: int) -> np.ndarray:
            # One thread a session, so that there is always an idle one.
            session = idle.pop()
            try:
                return _run(session, images[start : start + BATCH])
            finally:
                idle.append(session)

        with ThreadPoolExecutor(len(sessions)) as threads:
            return np.concatenate([*threads.map(part, range(0, len(images), BATCH))])

    return compute


def _open_session(model: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _run(session: Any, images: np.ndarray) -> np.ndarray:
    features: np.ndarray = session.run([FEATURES], {IMAGES: images})[0]
    return features

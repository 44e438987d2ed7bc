"""What the machine multiplies with goes in; Keras' dtype policy that trains fastest comes out.

That a processor has instructions for bfloat16 doesn't say that they are fast: some multiply twice
as many numbers a cycle with them, some fewer than in float32. So they are measured.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tasks.storage.atomic import read_json, write_json
from tasks.storage.hashing import digest

if TYPE_CHECKING:
    from collections.abc import Callable

# GPUs of this generation on multiply float16 or bfloat16 in their matrix units.
HALF_PRECISION, BRAIN_FLOAT = (7, 0), (8, 0)
# Processors without these emulate bfloat16, which is never worth it.
BRAIN_FLOAT_FLAGS = {"avx512_bf16", "amx_bf16"}
PROCESSOR = Path("/proc/cpuinfo")
# Of a training step some is not multiplication; a smaller gain there is lost in casts.
WORTHWHILE = 1.1
IMAGES, SIDE, FILTERS, ROUNDS = 64, 12, 64, 7

log = logging.getLogger("pixelgate.training")


def native_precision(gpus: list[Any], memory: Path | None) -> str:
    """Choose between float32 and the mixed precisions by what this machine is fast at.

    Args:
        gpus: TensorFlow's physical devices; without any the processor counts.
        memory: folder that remembers what was measured, so that a machine always trains alike.

    Returns:
        float32, mixed_bfloat16 or mixed_float16.
    """
    if not gpus:
        seconds = _seconds_of_processor(memory)
        faster = seconds["float32"] > WORTHWHILE * seconds["bfloat16"] if seconds else False
        return "mixed_bfloat16" if faster else "float32"
    capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability")
    if capability is None or tuple(capability) < HALF_PRECISION:
        return "float32"
    return "mixed_bfloat16" if tuple(capability) >= BRAIN_FLOAT else "mixed_float16"


def _seconds_of_processor(memory: Path | None) -> dict[str, float]:
    """Return how long a convolution takes in either precision; nothing without bfloat16."""
    described = _processor()
    if not BRAIN_FLOAT_FLAGS & set(described.get("flags", "").split()):
        return {}
    named = digest([described, tf.__version__])[:16]
    file = memory / f"precision-{named}.json" if memory else None
    try:
        if file is not None:
            known = read_json(file)
            return {name: float(known[name]) for name in ("float32", "bfloat16")}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    seconds = _measure()
    log.info(
        "a convolution takes %.1f ms in float32 and %.1f ms in bfloat16 here",
        1e3 * seconds["float32"],
        1e3 * seconds["bfloat16"],
    )
    if file is not None:
        write_json(file, seconds)
    return seconds


def _measure() -> dict[str, float]:
    """Time a convolution with its gradients, the precisions in turns; the lowest of each counts."""
    steps = {name: _convolution(name) for name in ("float32", "bfloat16")}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - started)
    # The first round holds the tracing.
    return {name: min(taken[1:]) for name, taken in seconds.items()}


def _convolution(dtype: str) -> Callable[[], Any]:
    """Return a training step of one convolution."""
    maps = tf.ones((IMAGES, SIDE, SIDE, FILTERS), dtype)
    kernel = tf.ones((3, 3, FILTERS, FILTERS), dtype)

    def step() -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([maps, kernel])
            answer = tf.nn.conv2d(maps, kernel, 1, "SAME")
        to_maps, to_kernel = tape.gradient(answer, [maps, kernel])
        return tf.reduce_sum(to_maps), tf.reduce_sum(to_kernel)

    compiled = tf.function(step)
    return lambda: [part.numpy() for part in compiled()]


def _processor() -> dict[str, str]:
    """Return what the system says of the first processor that doesn't change by the moment."""
    try:
        text = PROCESSOR.read_text("utf-8")
    except OSError:
        return {}
    fields = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    told = {name.strip(): value.strip() for name, _, value in fields}
    wanted = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags")
    return {name: told[name] for name in wanted if name in told}

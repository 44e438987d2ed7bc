"""This machine's arithmetic units go in; Keras' dtype policy that trains fastest comes out.

That a processor has instructions for bfloat16 doesn't mean that they are fast: some multiply twice
as many numbers per cycle with them, some fewer than in float32. So they are measured.
"""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tasks.storage.checked import believe_json, write_checked_json
from tasks.storage.hashing import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Compute capabilities from which on matrix units multiply float16, and bfloat16 too.
HALF_PRECISION, BRAIN_FLOAT = (7, 0), (8, 0)
# Processors without these emulate bfloat16, which is never worth it.
BRAIN_FLOAT_FLAGS = {"avx512_bf16", "amx_bf16"}
PROCESSOR = Path("/proc/cpuinfo")
# Part of a training step is not multiplication; a smaller gain in it is lost in casts.
WORTHWHILE = 1.1
IMAGES, SIDE, FILTERS, ROUNDS = 64, 12, 64, 7

log = logging.getLogger("pixelgate.training")


@contextlib.contextmanager
def dtype_policy(precision: str) -> Iterator[None]:
    """Build layers with this dtype policy inside the `with` block."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def native_precision(gpus: list[Any], cache: Path | None) -> str:
    """Choose between float32 and the mixed precisions by what this machine is fast at.

    Args:
        gpus: TensorFlow's physical devices; without any the processor counts.
        cache: folder of measurements of this machine, so that it always chooses the same; None to
            measure again.

    Returns:
        float32, mixed_bfloat16 or mixed_float16.
    """
    if not gpus:
        seconds = _seconds_of_processor(cache)
        faster = seconds["float32"] > WORTHWHILE * seconds["bfloat16"] if seconds else False
        return "mixed_bfloat16" if faster else "float32"
    # A machine's GPUs are usually alike, and a training has one precision.
    capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability")
    if capability is None or tuple(capability) < HALF_PRECISION:
        return "float32"
    return "mixed_bfloat16" if tuple(capability) >= BRAIN_FLOAT else "mixed_float16"


def _seconds_of_processor(cache: Path | None) -> dict[str, float]:
    """Return how long a convolution takes in either precision; empty without bfloat16."""
    processor = _processor()
    if not BRAIN_FLOAT_FLAGS & set(processor.get("flags", "").split()):
        return {}
    # A home folder may be shared by several machines, and a new TensorFlow has new kernels.
    key = digest([processor, tf.__version__])[:16]
    file = cache / f"precision-{key}.json" if cache else None
    measured = believe_json(file) if file is not None else None
    if measured is not None:
        return {name: float(measured[name]) for name in ("float32", "bfloat16")}
    seconds = _measure()
    log.info(
        "a convolution takes %.1f ms in float32 and %.1f ms in bfloat16 here",
        1e3 * seconds["float32"],
        1e3 * seconds["bfloat16"],
    )
    if file is not None:
        write_checked_json(file, seconds)
    return seconds


def _measure() -> dict[str, float]:
    """Time a convolution with its gradients, precisions taking turns; the fastest of each counts.

    Taking turns, both see the same load of the machine; and other programs only ever slow it down.
    """
    steps = {name: _convolution(name) for name in ("float32", "bfloat16")}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - started)
    # The first round includes tracing.
    return {name: min(measured[1:]) for name, measured in seconds.items()}


def _convolution(dtype: str) -> Callable[[], Any]:
    """Return a training step of one convolution."""
    maps = tf.ones((IMAGES, SIDE, SIDE, FILTERS), dtype)
    kernel = tf.ones((3, 3, FILTERS, FILTERS), dtype)

    def step() -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([maps, kernel])
            outputs = tf.nn.conv2d(maps, kernel, 1, "SAME")
        to_maps, to_kernel = tape.gradient(outputs, [maps, kernel])
        return tf.reduce_sum(to_maps), tf.reduce_sum(to_kernel)

    compiled = tf.function(step)
    # Reading the numbers waits until they are computed.
    return lambda: [part.numpy() for part in compiled()]


def _processor() -> dict[str, str]:
    """Return what identifies the first processor; its clock rate, say, changes by the moment."""
    try:
        text = PROCESSOR.read_text("utf-8")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    fields = {name.strip(): value.strip() for name, _, value in lines}
    identifying = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags")
    return {name: fields[name] for name in identifying if name in fields}
